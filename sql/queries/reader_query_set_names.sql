-- The query sets that a reader sees, by name.
SELECT query_set FROM tda.query_set ORDER BY query_set;
