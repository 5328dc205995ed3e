-- Runs
-- Visualization: Table
-- Variables: query_set, each of type text
SELECT run, method, queries, documents, seconds, finished_at FROM (
-- Which runs are there, over how many queries and documents, and how long did they take?
SELECT query_set, run, method, query_count AS queries, document_count AS documents, duration_seconds AS seconds,
       finished_at
FROM tda.run
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
ORDER BY run
