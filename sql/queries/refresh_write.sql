-- What a precomputed table lacks.
INSERT INTO trackstar.{name} SELECT * FROM fresh;
