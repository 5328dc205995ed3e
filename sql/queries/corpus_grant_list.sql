-- Every grant, and whether its role is on the server.
SELECT g.role_name AS role, c.name AS corpus, g.granted_at, r.rolname IS NOT NULL AS has_role
FROM trackstar.corpus_grant g
LEFT JOIN trackstar.corpus c USING (corpus_id)
LEFT JOIN pg_catalog.pg_roles r ON r.rolname = g.role_name
ORDER BY g.role_name, c.name NULLS FIRST;
