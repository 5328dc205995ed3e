-- Which relations are traced well at which frequency?
SELECT query_set, judge, run, relation, frequency_bucket, queries, mrr, recall_at_10, tail_patch_delta
FROM tda.metric_heat_map
WHERE judge IN ('annotation', 'ais') AND relation IS NOT NULL AND frequency_bucket IS NOT NULL
