-- The labels of one batch.
INSERT INTO trackstar.entailment_label (document_id, fact_id, query_id, score, labeler)
SELECT document_id, fact_id, query_id, score, %(labeler)s
FROM unnest(%(document_ids)s::bigint[], %(fact_ids)s::text[], %(query_ids)s::bigint[], %(scores)s::float8[])
     batch (document_id, fact_id, query_id, score)
ON CONFLICT (document_id, fact_id, query_id, labeler) DO NOTHING;
