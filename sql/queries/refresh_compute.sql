-- What a precomputed table should hold now.
CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS SELECT * FROM trackstar.{live};
