-- The grant of one corpus, gone.
DELETE FROM trackstar.corpus_grant WHERE role_name = %(role)s AND corpus_id = %(corpus_id)s;
