-- The queries of a set that an encoding has not encoded yet.
SELECT q.query_id, q.external_id, q.prompt, q.target, q.content_digest
FROM trackstar.query q
LEFT JOIN trackstar.query_gradient g ON g.encoding_id = %(encoding_id)s AND g.query_id = q.query_id
WHERE q.query_set_id = %(query_set_id)s AND g.query_id IS NULL
ORDER BY q.query_id;
