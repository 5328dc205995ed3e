-- Means of every run over a query set before each judge, with their intervals, as of the last refresh.
SELECT o.run, o.method, o.judge, o.queries, o.mrr, o.recall_at_10, o.precision_at_10, o.tail_patch_queries,
       o.tail_patch_delta, o.mrr_low, o.mrr_high, o.recall_at_10_low, o.recall_at_10_high, o.precision_at_10_low,
       o.precision_at_10_high, o.tail_patch_delta_low, o.tail_patch_delta_high
FROM tda.run_overview o
WHERE o.query_set = %(query_set)s
ORDER BY o.run, o.judge;
