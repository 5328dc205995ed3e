-- The first k proponents of every n-th query of runs, each pair once, and whether it was tried in this way before.
WITH place AS (
    SELECT q.query_id, row_number() OVER (PARTITION BY q.query_set_id ORDER BY q.query_id) - 1 AS place
    FROM trackstar.query q
    WHERE q.query_set_id IN (SELECT r.query_set_id FROM trackstar.run r WHERE r.run_id = ANY(%(run_ids)s))
), pair AS (
    SELECT DISTINCT p.document_id, p.query_id
    FROM trackstar.proponent p
    JOIN place USING (query_id)
    WHERE p.run_id = ANY(%(run_ids)s) AND p.direction = 'proponent' AND p.rank <= %(k)s
      AND place.place %% %(every)s = 0
)
SELECT pair.document_id, pair.query_id, t.query_id IS NOT NULL AS is_there
FROM pair
LEFT JOIN trackstar.tail_patch t
  ON t.tail_patch_step_id = %(step_id)s AND t.query_id = pair.query_id AND t.document_id = pair.document_id
ORDER BY pair.document_id, pair.query_id;
