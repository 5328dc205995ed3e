-- The gradients of one encoding, gone.
DROP TABLE trackstar.{partition};
