-- Every query of a set.
SELECT query_id, prompt, target, fact_id
FROM trackstar.query
WHERE query_set_id = %(query_set_id)s
ORDER BY query_id;
