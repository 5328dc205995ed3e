-- The run is judged by the labels that came with it, unless it has a labeler.
UPDATE trackstar.run SET ais_labeler = %(labeler)s WHERE run_id = %(run_id)s AND ais_labeler IS NULL;
