-- Means of every run over a query set before each judge, as of the last refresh.
SELECT o.run, o.method, o.judge, o.queries, o.mrr, o.recall_at_10, o.precision_at_10, o.tail_patch_queries,
       o.tail_patch_delta
FROM tda.run_overview o
WHERE o.query_set = %(query_set)s
ORDER BY o.run, o.judge;
