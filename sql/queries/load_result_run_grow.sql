-- A run with the results of one part added.
UPDATE trackstar.run
SET query_count = query_count + %(queries)s, document_count = document_count + %(documents)s,
    top_k = greatest(top_k, %(top_k)s), settings = %(settings)s, finished_at = clock_timestamp()
WHERE run_id = %(run_id)s;
