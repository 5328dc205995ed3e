-- Every corpus, to name in an error.
SELECT name FROM trackstar.corpus ORDER BY name;
