-- Whether there are tables of trackstar, and which objects were made beside them last.
SELECT to_regclass('trackstar.alembic_version') IS NOT NULL AS has_tables,
       obj_description(to_regnamespace('trackstar'), 'pg_namespace') AS objects;
