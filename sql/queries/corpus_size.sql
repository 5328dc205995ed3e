-- How many documents a corpus has.
SELECT count(*) FROM trackstar.document WHERE corpus_id = %(corpus_id)s;
