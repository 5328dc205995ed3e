-- Characters of what is long in the record of one query of a run: its prompt, its target, its documents' texts, and what an
-- imported record says beyond the tables.
SELECT length(q.prompt) + length(q.target) + length(coalesce(k.metadata::text, ''))
       + (SELECT coalesce(sum(length(p.text)), 0)
          FROM tda.proponent p
          WHERE p.run = k.run AND p.query_id = k.query_id) AS characters
FROM tda.run_query k
JOIN tda.query q ON q.query_id = k.query_id
WHERE k.run = %(run)s AND k.query_id = %(query_id)s;
