-- How do the methods compare at finding documents that state a fact (MRR, recall), and at moving the model (tail-patch)?
SELECT query_set, judge, run, method, queries, mrr, recall_at_10, precision_at_10, tail_patch_queries, tail_patch_delta
FROM tda.run_overview
WHERE judge IN ('annotation', 'ais')
