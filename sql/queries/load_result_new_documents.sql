-- How many of some documents a run has not listed before; each is looked up by itself, whatever the planner knows.
SELECT count(*)
FROM unnest(%(document_ids)s::bigint[]) new(document_id)
WHERE (SELECT true FROM trackstar.proponent p
       WHERE p.document_id = new.document_id AND p.run_id = %(run_id)s LIMIT 1) IS NULL;
