-- Whose labels judge some runs, and from which score on.
UPDATE trackstar.run SET ais_labeler = %(labeler)s, ais_threshold = {threshold} WHERE run_id = ANY(%(run_ids)s);
