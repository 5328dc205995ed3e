-- What the query set holds of some queries.
SELECT external_id, content_digest
FROM trackstar.query
WHERE query_set_id = %(query_set_id)s AND external_id = ANY(%(keys)s);
