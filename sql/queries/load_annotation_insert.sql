-- The annotations of one part that are new, in the order of their key so that two loads do not deadlock.
INSERT INTO trackstar.annotation (fact_id, document_external_id)
SELECT DISTINCT fact_id, document_external_id
FROM pg_temp.load_annotation
ORDER BY fact_id, document_external_id
ON CONFLICT DO NOTHING;
