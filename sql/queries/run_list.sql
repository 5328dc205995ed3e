-- Every run, as tda.run shows it.
SELECT run, method, encoding, query_set, top_k, query_count, document_count, finished_at, duration_seconds
FROM tda.run
ORDER BY finished_at, run;
