-- MRR by relation and frequency bucket
-- Visualization: Pivot table, with conditional formatting by colour range; rows relation, columns frequency_bucket, values mrr
-- Variables: query_set, judge (default annotation), run, relation, each of type text
SELECT frequency_bucket, relation, mrr FROM (
-- Which relations are traced well at which frequency?
SELECT query_set, judge, run, relation, frequency_bucket, queries, mrr, recall_at_10, tail_patch_delta
FROM tda.metric_heat_map
WHERE judge IN ('annotation', 'ais') AND relation IS NOT NULL AND frequency_bucket IS NOT NULL
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
  [[AND judge = {{judge}}]]
  [[AND run = {{run}}]]
  [[AND relation = {{relation}}]]
