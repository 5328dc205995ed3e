-- Every score that a run kept.
SELECT DISTINCT ON (query_id, document_id) query_id, document_id, influence
FROM trackstar.proponent
WHERE run_id = %(run_id)s
ORDER BY query_id, document_id;
