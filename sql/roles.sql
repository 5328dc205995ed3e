-- The role that reads the public schema tda and nothing else, and writes nowhere. Applied again after every upgrade.
-- Give it to people with: GRANT tda_reader TO somebody;

-- Roles belong to the whole server: another database's `trackstar init` may make it at the same moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tda_reader') THEN
        CREATE ROLE tda_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    IF NOT has_database_privilege('tda_reader', current_database(), 'CONNECT') THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO tda_reader', current_database());
    END IF;
END $$;

REVOKE ALL ON SCHEMA trackstar FROM PUBLIC, tda_reader;
REVOKE ALL ON ALL TABLES IN SCHEMA trackstar FROM PUBLIC, tda_reader;
REVOKE ALL ON SCHEMA tda FROM PUBLIC;

GRANT USAGE ON SCHEMA tda TO tda_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA tda TO tda_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tda TO tda_reader;

ALTER DEFAULT PRIVILEGES IN SCHEMA tda GRANT SELECT ON TABLES TO tda_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA tda GRANT EXECUTE ON FUNCTIONS TO tda_reader;

-- What every role may do unless it is taken from all: make temporary tables and large objects. Taken where nobody
-- else would miss it (no other role may log in), as far as the role that runs this may do it. The owner of our
-- tables loads through temporary tables and keeps the right.
DO $$
DECLARE
    tables_owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'trackstar');
    writes regprocedure;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolcanlogin AND NOT rolsuper
               AND rolname NOT IN (current_user, tables_owner, 'tda_reader')) THEN
        RETURN;
    END IF;
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, tda_reader', current_database());
        IF NOT has_database_privilege(tables_owner, current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), tables_owner);
        END IF;
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOR writes IN
            SELECT oid FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace
              AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put',
                              'lo_truncate', 'lo_truncate64', 'lo_unlink', 'lowrite')
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', writes);
        END LOOP;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER ROLE tda_reader IN DATABASE %I SET default_transaction_read_only = on', current_database());
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;
