-- The new documents of one part, numbered in the source's order.
INSERT INTO trackstar.document (corpus_id, external_id, text, metadata, content_digest)
SELECT %(corpus_id)s, external_id, text, metadata, content_digest
FROM pg_temp.load_document
WHERE place < %(first_update)s
ORDER BY place
ON CONFLICT (corpus_id, external_id) DO NOTHING;
