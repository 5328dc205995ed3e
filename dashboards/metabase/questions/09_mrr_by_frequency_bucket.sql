-- MRR by frequency bucket
-- Visualization: Bar; x frequency_bucket, y mrr, series run
-- Variables: query_set, judge (default annotation), each of type text
SELECT frequency_bucket, mrr, run FROM (
-- How do attribution and influence change with the fact's frequency?
SELECT query_set, judge, run, method, frequency_bucket, sum(queries)::bigint AS queries,
       sum(mrr * queries) / sum(queries)::double precision AS mrr,
       sum(recall_at_10 * queries) / sum(queries)::double precision AS recall_at_10,
       sum(tail_patch_queries)::bigint AS tail_patch_queries,
       sum(tail_patch_delta * tail_patch_queries)
           / nullif(sum(tail_patch_queries), 0)::double precision AS tail_patch_delta
FROM tda.metric_heat_map
WHERE judge IN ('annotation', 'ais') AND frequency_bucket IS NOT NULL
GROUP BY query_set, judge, run, method, frequency_bucket
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
  [[AND judge = {{judge}}]]
