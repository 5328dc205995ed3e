-- The proponents and opponents of results that are replaced, gone.
DELETE FROM trackstar.proponent WHERE run_id = %(run_id)s AND query_id = ANY(%(query_ids)s);
