-- Means of tda.query_metric over each slice of each run and judge, with their intervals: private, what the three
-- views of means select from. Means are live; an interval is shown only while it belongs to the mean beside it.
CREATE OR REPLACE VIEW trackstar.average_metric AS
SELECT live.run, live.method, live.judge, live.query_set, live.slice, live.relation, live.frequency_bucket,
       live.queries,
       live.mrr, bound.mrr_low, bound.mrr_high,
       live.recall_at_10, bound.recall_at_10_low, bound.recall_at_10_high,
       live.precision_at_10, bound.precision_at_10_low, bound.precision_at_10_high,
       live.tail_patch_queries, live.tail_patch_delta, bound.tail_patch_delta_low, bound.tail_patch_delta_high,
       live.tail_patch_standard_error
FROM (
    SELECT m.run, m.method, m.judge, m.query_set, slice.slice, slice.relation, slice.frequency_bucket,
           coalesce(slice.relation, slice.frequency_bucket::text, '') AS slice_value,
           count(*) AS queries,
           avg(m.reciprocal_rank) AS mrr,
           avg(m.recall_at_10) AS recall_at_10,
           avg(m.precision_at_10) AS precision_at_10,
           count(m.tail_patch_delta) AS tail_patch_queries,
           avg(m.tail_patch_delta) AS tail_patch_delta,
           stddev_samp(m.tail_patch_delta) / sqrt(count(m.tail_patch_delta)) AS tail_patch_standard_error
    FROM tda.query_metric m
    CROSS JOIN LATERAL (VALUES ('all', NULL, NULL),
                               ('relation', m.relation, NULL),
                               ('frequency_bucket', NULL, m.frequency_bucket)
                       ) slice(slice, relation, frequency_bucket)
    GROUP BY m.run, m.method, m.judge, m.query_set, slice.slice, slice.relation, slice.frequency_bucket
) live
JOIN trackstar.run ON run.name = live.run
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
    JOIN (VALUES ('mrr', live.mrr, live.queries),
                 ('recall_at_10', live.recall_at_10, live.queries),
                 ('precision_at_10', live.precision_at_10, live.queries),
                 ('tail_patch_delta', live.tail_patch_delta, live.tail_patch_queries)
         ) mean(metric, value, queries)
        ON mean.metric = i.metric AND mean.queries = i.queries AND abs(mean.value - i.value) < 1e-9
    WHERE i.run_id = run.run_id AND i.judge = live.judge AND i.slice = live.slice AND i.slice_value = live.slice_value
) bound;

COMMENT ON VIEW trackstar.average_metric IS
    'Mean metrics of each run and judge with intervals; slice says over what: all, relation or frequency_bucket.';
