-- The new queries of one part, numbered in the source's order.
INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, metadata, content_digest)
SELECT %(query_set_id)s, external_id, prompt, target, fact_id, metadata, content_digest
FROM pg_temp.load_query
WHERE place < %(first_update)s
ORDER BY place
ON CONFLICT (query_set_id, external_id) DO NOTHING;
