-- Which relations does a method trace well? tda.method_comparison by relation.
CREATE OR REPLACE VIEW tda.metric_by_relation AS
SELECT run, method, judge, query_set, relation, queries,
       mrr, mrr_low, mrr_high,
       recall_at_10, recall_at_10_low, recall_at_10_high,
       precision_at_10, precision_at_10_low, precision_at_10_high,
       tail_patch_queries, tail_patch_delta, tail_patch_delta_low, tail_patch_delta_high,
       tail_patch_standard_error
FROM trackstar.average_metric
WHERE slice = 'relation';

COMMENT ON VIEW tda.metric_by_relation IS
    'tda.method_comparison by relation: one row for each run, judge and relation.';
COMMENT ON COLUMN tda.metric_by_relation.run IS 'Name of the run.';
COMMENT ON COLUMN tda.metric_by_relation.method IS 'The run''s method.';
COMMENT ON COLUMN tda.metric_by_relation.judge IS
    'Who says which proponents are correct: annotation, ais, or nobody (tail_patch); see tda.query_metric.';
COMMENT ON COLUMN tda.metric_by_relation.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.metric_by_relation.relation IS
    'Label of the facts'' relation; empty for queries that are no facts.';
COMMENT ON COLUMN tda.metric_by_relation.queries IS
    'Queries judged: those behind mrr, recall_at_10 and precision_at_10.';
COMMENT ON COLUMN tda.metric_by_relation.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.metric_by_relation.mrr_low IS
    'Lower end of the 95 % bootstrap interval of mrr over queries; empty until trackstar evaluate has run, and '
    'once the figure has changed since.';
COMMENT ON COLUMN tda.metric_by_relation.mrr_high IS 'Upper end of the interval of mrr.';
COMMENT ON COLUMN tda.metric_by_relation.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.metric_by_relation.recall_at_10_low IS 'Lower end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.metric_by_relation.recall_at_10_high IS 'Upper end of the interval of recall_at_10.';
COMMENT ON COLUMN tda.metric_by_relation.precision_at_10 IS
    'Mean share of correct ones among the first ten proponents.';
COMMENT ON COLUMN tda.metric_by_relation.precision_at_10_low IS 'Lower end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.metric_by_relation.precision_at_10_high IS 'Upper end of the interval of precision_at_10.';
COMMENT ON COLUMN tda.metric_by_relation.tail_patch_queries IS
    'Queries behind tail_patch_delta: those with a tail-patch.';
COMMENT ON COLUMN tda.metric_by_relation.tail_patch_delta IS
    'Mean change of the target''s probability after one training step on a proponent, in percentage points.';
COMMENT ON COLUMN tda.metric_by_relation.tail_patch_delta_low IS 'Lower end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.metric_by_relation.tail_patch_delta_high IS 'Upper end of the interval of tail_patch_delta.';
COMMENT ON COLUMN tda.metric_by_relation.tail_patch_standard_error IS
    'Standard error of tail_patch_delta over queries, in percentage points.';
