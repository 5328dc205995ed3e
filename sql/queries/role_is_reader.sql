-- Whether a role has the rights of tda_reader; nothing for a role that is not there.
SELECT pg_catalog.pg_has_role(r.oid, 'tda_reader', 'USAGE') FROM pg_catalog.pg_roles r WHERE r.rolname = %(role)s;
