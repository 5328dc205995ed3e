-- What a precomputed table lacks, in the order of its key: what an index finds beside each other then lies so.
INSERT INTO trackstar.{name} SELECT * FROM fresh ORDER BY 1, 2, 3;
