-- Every grant of a role, gone.
DELETE FROM trackstar.corpus_grant WHERE role_name = %(role)s;
