-- Runs that no labeler was chosen for.
SELECT name FROM trackstar.run WHERE run_id = ANY (%(run_ids)s) AND ais_labeler IS NULL ORDER BY run_id;
