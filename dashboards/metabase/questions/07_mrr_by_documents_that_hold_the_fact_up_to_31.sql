-- MRR by documents that hold the fact, up to 31
-- Visualization: Line; x fact_frequency, y mrr, series run
-- Variables: query_set, judge (default annotation), each of type text
SELECT fact_frequency, mrr, run FROM (
-- How do attribution and influence change with the number of documents that hold the fact, among rare facts?
SELECT query_set, judged.judge, run, method, fact_frequency, count(*) AS queries, avg(judged.reciprocal_rank) AS mrr,
       avg(judged.recall_at_10) AS recall_at_10, count(tail_patch_delta) AS tail_patch_queries,
       avg(tail_patch_delta) AS tail_patch_delta
FROM tda.query_overview
CROSS JOIN LATERAL (VALUES
    ('annotation', reciprocal_rank, recall_at_10),
    ('ais', ais_reciprocal_rank, ais_recall_at_10)
) judged (judge, reciprocal_rank, recall_at_10)
WHERE judged.reciprocal_rank IS NOT NULL AND frequency_bucket <= 1
GROUP BY query_set, judged.judge, run, method, fact_frequency
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
  [[AND judge = {{judge}}]]
