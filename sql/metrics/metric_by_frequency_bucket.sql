-- Are frequent facts traced better than rare ones? tda.method_comparison by frequency bucket.
CREATE OR REPLACE VIEW tda.metric_by_frequency_bucket AS
SELECT run, method, judge, query_set, frequency_bucket, queries,
       mrr, mrr_low, mrr_high,
       recall_at_10, recall_at_10_low, recall_at_10_high,
       precision_at_10, precision_at_10_low, precision_at_10_high,
       tail_patch_queries, tail_patch_delta, tail_patch_delta_low, tail_patch_delta_high,
       tail_patch_standard_error
FROM trackstar.average_metric
WHERE slice = 'frequency_bucket';

COMMENT ON VIEW tda.metric_by_frequency_bucket IS
    'tda.method_comparison by frequency bucket: one row for each run, judge and bucket.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.run IS 'Name of the run.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.method IS 'The run''s method.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.judge IS
    'Who says which proponents are correct: annotation, ais, or nobody (tail_patch); see tda.query_metric.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.frequency_bucket IS
    'Bucket 0 to 5 of the facts'' frequency; empty where it was never counted.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.queries IS
    'Queries judged: those behind mrr, recall_at_10 and precision_at_10.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.mrr_low IS
    'Lower end of the 95 % bootstrap interval of mrr over queries; empty until trackstar evaluate has run, and '
    'once the figure has changed since.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.mrr_high IS 'Upper end of the interval of mrr.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.recall_at_10_low IS 'Lower end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.recall_at_10_high IS 'Upper end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.precision_at_10 IS
    'Mean share of correct ones among the first ten proponents.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.precision_at_10_low IS 'Lower end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.precision_at_10_high IS
    'Upper end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.tail_patch_queries IS
    'Queries behind tail_patch_delta: those with a tail-patch.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.tail_patch_delta IS
    'Mean change of the target''s probability after one training step on a proponent, in percentage points.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.tail_patch_delta_low IS
    'Lower end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.tail_patch_delta_high IS
    'Upper end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.metric_by_frequency_bucket.tail_patch_standard_error IS
    'Standard error of tail_patch_delta over queries, in percentage points.';
