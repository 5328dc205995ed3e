-- What some queries of a set ask.
SELECT external_id, query_id, prompt, target, fact_id
FROM trackstar.query
WHERE query_set_id = %(query_set_id)s AND external_id = ANY(%(keys)s);
