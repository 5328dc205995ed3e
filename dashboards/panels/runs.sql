-- Which runs are there, over how many queries and documents, and how long did they take?
SELECT query_set, run, method, query_count AS queries, document_count AS documents, duration_seconds AS seconds,
       finished_at
FROM tda.run
