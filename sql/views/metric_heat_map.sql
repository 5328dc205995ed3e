-- Metrics by relation and frequency bucket.
CREATE OR REPLACE VIEW tda.metric_heat_map AS
SELECT run.name AS run, run.method, m.judge, s.name AS query_set, r.label AS relation,
       m.frequency_bucket + 0 AS frequency_bucket, m.queries, m.mrr, m.recall_at_10, m.precision_at_10,
       m.tail_patch_queries, m.tail_patch_delta,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'metric_heat_map') AS refreshed_at
FROM trackstar.metric_heat_map m
JOIN trackstar.run ON run.run_id = m.run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id
LEFT JOIN trackstar.relation r ON r.relation_id = m.relation_id;

COMMENT ON VIEW tda.metric_heat_map IS
    'Relation by frequency bucket: the metrics of tda.query_metric averaged over each cell, one row for each run, judge, '
    'relation and bucket, as of refreshed_at. Weigh by queries (tail_patch_queries for tail_patch_delta) to average '
    'further.';
COMMENT ON COLUMN tda.metric_heat_map.run IS 'Name of the run.';
COMMENT ON COLUMN tda.metric_heat_map.method IS 'The run''s method.';
COMMENT ON COLUMN tda.metric_heat_map.judge IS
    'Who says which proponents are correct: annotation, ais, or nobody (tail_patch); see tda.query_metric.';
COMMENT ON COLUMN tda.metric_heat_map.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.metric_heat_map.relation IS
    'Label of the facts'' relation; empty for queries that are no facts.';
COMMENT ON COLUMN tda.metric_heat_map.frequency_bucket IS
    'Bucket 0 to 5 of the facts'' frequency in the corpora that the run searched, as in tda.query_overview; empty where '
    'it was never counted.';
COMMENT ON COLUMN tda.metric_heat_map.queries IS 'Queries judged.';
COMMENT ON COLUMN tda.metric_heat_map.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.metric_heat_map.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.metric_heat_map.precision_at_10 IS 'Mean share of correct ones among the first ten proponents.';
COMMENT ON COLUMN tda.metric_heat_map.tail_patch_queries IS 'Queries behind tail_patch_delta: those with a tail-patch.';
COMMENT ON COLUMN tda.metric_heat_map.tail_patch_delta IS
    'Mean change of the target''s probability after one training step on a proponent, in percentage points.';
COMMENT ON COLUMN tda.metric_heat_map.refreshed_at IS 'When this was computed.';
