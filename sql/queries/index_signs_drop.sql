-- The signs of one encoding, gone, and with them the trigger that kept them.
DROP TRIGGER IF EXISTS keep_signs ON trackstar.{partition};
DROP TABLE IF EXISTS trackstar.{signs};
