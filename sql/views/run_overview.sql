-- Metrics of each run and judge: trackstar.metric_heat_map over all.
CREATE OR REPLACE VIEW tda.run_overview AS
SELECT run.name AS run, run.method, s.name AS query_set, whole.judge, whole.queries, whole.mrr, whole.recall_at_10,
       whole.precision_at_10, whole.tail_patch_queries, whole.tail_patch_delta,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'metric_heat_map') AS refreshed_at,
       bound.mrr_low, bound.mrr_high, bound.recall_at_10_low, bound.recall_at_10_high, bound.precision_at_10_low,
       bound.precision_at_10_high, bound.tail_patch_delta_low, bound.tail_patch_delta_high
FROM (SELECT m.run_id, m.judge, sum(m.queries)::bigint AS queries,
             sum(m.mrr * m.queries) / sum(m.queries)::double precision AS mrr,
             sum(m.recall_at_10 * m.queries) / sum(m.queries)::double precision AS recall_at_10,
             sum(m.precision_at_10 * m.queries) / sum(m.queries)::double precision AS precision_at_10,
             sum(m.tail_patch_queries)::bigint AS tail_patch_queries,
             sum(m.tail_patch_delta * m.tail_patch_queries)
                 / nullif(sum(m.tail_patch_queries), 0)::double precision AS tail_patch_delta
      FROM trackstar.metric_heat_map m
      GROUP BY m.run_id, m.judge) whole
JOIN trackstar.run ON run.run_id = whole.run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id
CROSS JOIN LATERAL (
    SELECT max(i.low) FILTER (WHERE i.metric = 'mrr') AS mrr_low,
           max(i.high) FILTER (WHERE i.metric = 'mrr') AS mrr_high,
           max(i.low) FILTER (WHERE i.metric = 'recall_at_10') AS recall_at_10_low,
           max(i.high) FILTER (WHERE i.metric = 'recall_at_10') AS recall_at_10_high,
           max(i.low) FILTER (WHERE i.metric = 'precision_at_10') AS precision_at_10_low,
           max(i.high) FILTER (WHERE i.metric = 'precision_at_10') AS precision_at_10_high,
           max(i.low) FILTER (WHERE i.metric = 'tail_patch_delta') AS tail_patch_delta_low,
           max(i.high) FILTER (WHERE i.metric = 'tail_patch_delta') AS tail_patch_delta_high
    FROM trackstar.metric_interval i
    JOIN (VALUES ('mrr', whole.mrr, whole.queries),
                 ('recall_at_10', whole.recall_at_10, whole.queries),
                 ('precision_at_10', whole.precision_at_10, whole.queries),
                 ('tail_patch_delta', whole.tail_patch_delta, whole.tail_patch_queries)
         ) mean(metric, value, queries)
        ON mean.metric = i.metric AND mean.queries = i.queries AND abs(mean.value - i.value) < 1e-9
    WHERE i.run_id = whole.run_id AND i.judge = whole.judge AND i.slice = 'all'
) bound;

COMMENT ON VIEW tda.run_overview IS
    'The means of tda.method_comparison, quickly: one row for each run and judge, as of refreshed_at. Of imported results '
    'whose facts are not loaded, also what their records call correct.';
COMMENT ON COLUMN tda.run_overview.run IS 'Name of the run.';
COMMENT ON COLUMN tda.run_overview.method IS 'The run''s method.';
COMMENT ON COLUMN tda.run_overview.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.run_overview.judge IS
    'Who says which proponents are correct: annotation, ais, or nobody (tail_patch); see tda.query_metric.';
COMMENT ON COLUMN tda.run_overview.queries IS 'Queries judged.';
COMMENT ON COLUMN tda.run_overview.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.run_overview.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.run_overview.precision_at_10 IS 'Mean share of correct ones among the first ten proponents.';
COMMENT ON COLUMN tda.run_overview.tail_patch_queries IS 'Queries behind tail_patch_delta: those with a tail-patch.';
COMMENT ON COLUMN tda.run_overview.tail_patch_delta IS
    'Mean change of the target''s probability after one training step on a proponent, in percentage points.';
COMMENT ON COLUMN tda.run_overview.refreshed_at IS 'When this was computed.';
COMMENT ON COLUMN tda.run_overview.mrr_low IS
    'Lower end of the 95 % bootstrap interval of mrr over queries; empty until trackstar evaluate has run, and once the '
    'figure has changed since.';
COMMENT ON COLUMN tda.run_overview.mrr_high IS 'Upper end of the interval of mrr.';
COMMENT ON COLUMN tda.run_overview.recall_at_10_low IS 'Lower end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.run_overview.recall_at_10_high IS 'Upper end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.run_overview.precision_at_10_low IS 'Lower end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.run_overview.precision_at_10_high IS 'Upper end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.run_overview.tail_patch_delta_low IS 'Lower end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.run_overview.tail_patch_delta_high IS 'Upper end of the interval of tail_patch_delta.';
