-- Queries of a run from a place of its order on, as a list shows them.
SELECT o.query_id, o.external_id, o.prompt, o.target, o.fact_id, o.relation, o.fact_frequency, o.frequency_bucket,
       o.has_annotated_document, o.position, o.proponents, o.confidence, o.is_correct, o.reciprocal_rank,
       o.recall_at_10, o.precision_at_10, o.best_ais_score, o.ais_reciprocal_rank, o.ais_recall_at_10,
       o.ais_precision_at_10, o.tail_patch_delta
FROM {source} o
WHERE o.run_id = %(run_id)s AND {place} AND {condition}
ORDER BY {order}
LIMIT %(size)s;
