-- The stored labels of some documents.
SELECT document_id, fact_id, query_id, labeler, score
FROM trackstar.entailment_label
WHERE document_id = ANY(%(keys)s);
