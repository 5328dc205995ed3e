-- The signs of one encoding, gone with its gradients.
DROP TABLE IF EXISTS trackstar.{signs};
