-- The new labels of one part.
INSERT INTO trackstar.entailment_label (document_id, fact_id, query_id, labeler, score)
SELECT document_id, fact_id, query_id, labeler, score
FROM pg_temp.load_label
WHERE place < %(first_update)s
ORDER BY place
ON CONFLICT (document_id, fact_id, query_id, labeler) DO NOTHING;
