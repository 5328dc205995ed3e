-- The fact that a query asks for, where the query and a document are there; and whether a name's labels judge runs.
SELECT q.fact_id, EXISTS (SELECT FROM trackstar.run r WHERE r.ais_labeler = %(labeler)s) AS judges_runs
FROM trackstar.query q
JOIN trackstar.document d ON d.document_id = %(document_id)s
WHERE q.query_id = %(query_id)s;
