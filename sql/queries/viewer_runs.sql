-- Runs that may be read, the newest first.
SELECT r.run_id, r.run AS name, r.method, r.query_set, r.encoding,
       coalesce(e.model, r.settings -> 'imported' ->> 'model_name') AS model, r.top_k, r.query_count AS queries,
       r.document_count AS documents, r.finished_at, r.ais_labeler, r.ais_threshold,
       r.settings ? 'imported' AS is_imported,
       coalesce(r.finished_at <= done.refreshed_at, false)
           AND (r.query_count = 0 OR EXISTS (SELECT FROM tda.query_overview o WHERE o.run_id = r.run_id)) AS is_refreshed,
       done.refreshed_at
FROM tda.run r
LEFT JOIN tda.encoding e ON e.encoding = r.encoding
LEFT JOIN tda.refresh done ON done.name = 'query_overview'
ORDER BY r.finished_at DESC, r.run_id DESC;
