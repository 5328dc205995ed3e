-- A role may read a corpus, or without one every corpus; nothing where it may already.
INSERT INTO trackstar.corpus_grant (role_name, corpus_id)
VALUES (%(role)s, %(corpus_id)s)
ON CONFLICT DO NOTHING;
