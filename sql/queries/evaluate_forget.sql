-- What an earlier evaluation of runs before a judge said.
DELETE FROM trackstar.metric_interval WHERE run_id = ANY(%(run_ids)s) AND judge = %(judge)s;
