-- How many documents there are to rank, of one corpus or of all.
SELECT count(*) FROM trackstar.document WHERE %(corpus_id)s::bigint IS NULL OR corpus_id = %(corpus_id)s;
