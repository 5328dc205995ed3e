-- The role that reads the public schema tda and nothing else. Applied again after every upgrade.
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
