-- The metrics of each query of a run before a judge, and the slices that the query belongs to.
SELECT relation, frequency_bucket, reciprocal_rank, recall_at_10, precision_at_10, tail_patch_delta
FROM tda.query_metric
WHERE run = %(run)s AND judge = %(judge)s
ORDER BY query_id;
