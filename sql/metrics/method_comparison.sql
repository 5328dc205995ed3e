-- Every method beside the others: one row for each run and judge.
CREATE OR REPLACE VIEW tda.method_comparison AS
SELECT run, method, judge, query_set, queries,
       mrr, mrr_low, mrr_high,
       recall_at_10, recall_at_10_low, recall_at_10_high,
       precision_at_10, precision_at_10_low, precision_at_10_high,
       tail_patch_queries, tail_patch_delta, tail_patch_delta_low, tail_patch_delta_high,
       tail_patch_standard_error
FROM trackstar.average_metric
WHERE slice = 'all';

COMMENT ON VIEW tda.method_comparison IS
    'One row for each run and judge: attribution (MRR, recall@10, precision@10) and influence (tail-patch), with '
    '95 % bootstrap intervals over queries.';
COMMENT ON COLUMN tda.method_comparison.run IS 'Name of the run.';
COMMENT ON COLUMN tda.method_comparison.method IS 'The run''s method.';
COMMENT ON COLUMN tda.method_comparison.judge IS
    'Who says which proponents are correct: annotation, ais, or nobody (tail_patch); see tda.query_metric.';
COMMENT ON COLUMN tda.method_comparison.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.method_comparison.queries IS
    'Queries judged: those behind mrr, recall_at_10 and precision_at_10.';
COMMENT ON COLUMN tda.method_comparison.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.method_comparison.mrr_low IS
    'Lower end of the 95 % bootstrap interval of mrr over queries; empty until trackstar evaluate has run, and '
    'once the figure has changed since.';
COMMENT ON COLUMN tda.method_comparison.mrr_high IS 'Upper end of the interval of mrr.';
COMMENT ON COLUMN tda.method_comparison.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.method_comparison.recall_at_10_low IS 'Lower end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.method_comparison.recall_at_10_high IS 'Upper end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.method_comparison.precision_at_10 IS 'Mean share of correct ones among the first ten proponents.';
COMMENT ON COLUMN tda.method_comparison.precision_at_10_low IS 'Lower end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.method_comparison.precision_at_10_high IS 'Upper end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.method_comparison.tail_patch_queries IS
    'Queries behind tail_patch_delta: those with a tail-patch.';
COMMENT ON COLUMN tda.method_comparison.tail_patch_delta IS
    'Mean change of the target''s probability after one training step on a proponent, in percentage points.';
COMMENT ON COLUMN tda.method_comparison.tail_patch_delta_low IS 'Lower end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.method_comparison.tail_patch_delta_high IS 'Upper end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.method_comparison.tail_patch_standard_error IS
    'Standard error of tail_patch_delta over queries, in percentage points.';
