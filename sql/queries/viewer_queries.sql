-- Queries of a run from a place of its order on, as a list shows them: of a long prompt its beginning and its end, where
-- it asks.
SELECT o.query_id, o.external_id,
       CASE WHEN length(o.prompt) <= %(longest)s THEN o.prompt
            ELSE left(o.prompt, %(longest)s / 2) || ' … ' || right(o.prompt, %(longest)s / 2) END AS prompt,
       CASE WHEN length(o.target) <= %(longest)s THEN o.target
            ELSE left(o.target, %(longest)s) || ' …' END AS target, o.fact_id, o.relation, o.fact_frequency, o.frequency_bucket,
       o.has_annotated_document, o.position, o.proponents, o.confidence, o.is_correct, o.reciprocal_rank,
       o.recall_at_10, o.precision_at_10, o.best_ais_score, o.ais_reciprocal_rank, o.ais_recall_at_10,
       o.ais_precision_at_10, o.tail_patch_delta
FROM {source} o
WHERE o.run_id = %(run_id)s AND {place} AND {condition}
ORDER BY {order}
LIMIT %(size)s;
