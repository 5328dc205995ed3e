-- Runs judged by a step from now on.
UPDATE trackstar.run SET tail_patch_step_id = %(step_id)s WHERE run_id = ANY(%(run_ids)s);
