-- The fact that a query asks for, where the query and a document are there.
SELECT q.fact_id
FROM trackstar.query q
JOIN trackstar.document d ON d.document_id = %(document_id)s
WHERE q.query_id = %(query_id)s;
