-- Whether the login can do no more than read schema tda, and which objects of trackstar the database has.
SELECT current_user::text AS role,
       NOT EXISTS (
           SELECT FROM pg_roles r
           WHERE pg_has_role(current_user, r.oid, 'MEMBER')
             AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
                  OR r.rolname LIKE 'pg\_%%' OR r.oid = n.nspowner))
       AND NOT coalesce(has_schema_privilege(n.oid, 'USAGE, CREATE'), false) AS is_reader,
       n.oid IS NOT NULL AS has_tables,
       obj_description(n.oid, 'pg_namespace') AS objects
FROM (SELECT 1) AS one
LEFT JOIN pg_namespace n ON n.nspname = 'trackstar';
