-- The runs that a reader sees, by name.
SELECT run FROM tda.run ORDER BY run;
