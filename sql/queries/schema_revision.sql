-- The revision of the tables; no row in a database that is only half made.
SELECT version_num FROM trackstar.alembic_version;
