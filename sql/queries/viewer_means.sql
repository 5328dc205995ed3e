-- Means over the queries of a run that a filter leaves, of all of them or of some.
SELECT count(*) AS queries, count(o.reciprocal_rank) AS annotated, avg(o.reciprocal_rank) AS mrr,
       avg(o.recall_at_10) AS recall_at_10, avg(o.precision_at_10) AS precision_at_10,
       count(o.ais_reciprocal_rank) AS labelled, avg(o.ais_reciprocal_rank) AS ais_mrr,
       avg(o.ais_recall_at_10) AS ais_recall_at_10, avg(o.ais_precision_at_10) AS ais_precision_at_10,
       avg(o.confidence) AS confidence, avg(o.is_correct::integer)::double precision AS correct,
       avg(o.tail_patch_delta) AS tail_patch_delta, count(o.tail_patch_delta) AS tail_patch_queries
FROM {source} o
WHERE o.run_id = %(run_id)s AND {sample} AND {condition};
