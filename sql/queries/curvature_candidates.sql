-- The best documents of each query of a set in a run.
SELECT p.query_id, p.document_id
FROM trackstar.run r
JOIN trackstar.proponent p ON p.run_id = r.run_id
JOIN trackstar.query q ON q.query_id = p.query_id
WHERE r.name = %(run)s AND q.query_set_id = %(query_set_id)s
  AND p.direction = 'proponent' AND p.rank <= %(candidates)s
ORDER BY p.query_id, p.document_id;
