-- Queries by their numbers.
SELECT query_id, external_id, prompt, target, content_digest
FROM trackstar.query
WHERE query_id = ANY(%(query_ids)s)
ORDER BY query_id;
