-- One query of a run, and how many documents the run keeps for it in one direction.
SELECT q.query_id, q.prompt, q.target,
       (SELECT count(*) FROM trackstar.proponent p
        WHERE p.run_id = r.run_id AND p.query_id = q.query_id AND p.direction = %(direction)s) AS kept
FROM trackstar.run r
JOIN trackstar.query q USING (query_set_id)
WHERE r.run_id = %(run_id)s AND q.external_id = %(query)s;
