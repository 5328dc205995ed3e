-- The other roles with a grant of a corpus, or without one of any, whose rights a role has.
SELECT DISTINCT granted.rolname::text
FROM trackstar.corpus_grant g
JOIN pg_catalog.pg_roles granted ON granted.rolname = g.role_name
JOIN pg_catalog.pg_roles asking ON asking.rolname = %(role)s
WHERE granted.oid <> asking.oid AND (%(corpus_id)s::bigint IS NULL OR g.corpus_id IS NULL OR g.corpus_id = %(corpus_id)s)
  AND pg_catalog.pg_has_role(asking.oid, granted.oid, 'USAGE')
ORDER BY 1;
