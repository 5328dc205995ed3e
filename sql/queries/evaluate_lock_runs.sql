-- Runs that are being evaluated: a second evaluation of them waits.
SELECT run_id FROM trackstar.run WHERE run_id = ANY(%(run_ids)s) ORDER BY run_id FOR NO KEY UPDATE;
