-- Every query set, to name in an error.
SELECT name FROM trackstar.query_set ORDER BY name;
