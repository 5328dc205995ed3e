-- A run after results of it were replaced, counted again.
UPDATE trackstar.run
SET (document_count, top_k) = (SELECT count(DISTINCT p.document_id), coalesce(max(p.rank), 1)
                               FROM trackstar.proponent p WHERE p.run_id = %(run_id)s)
WHERE run_id = %(run_id)s;
