-- The role that reads the public schema tda and nothing else, and writes nowhere. Applied again after every upgrade.
-- Give it to people with: GRANT tda_reader TO somebody; then they see the corpora that are granted to them or to a role
-- that they are members of (trackstar grant, trackstar revoke). tda_reader itself is granted every corpus at first.
--
-- How a corpus is kept from those without a grant, for whoever writes SQL here:
--   * Row-level security stands on the tables (sql/policies.sql): on what belongs to a corpus, and on runs, which are seen
--     by those who are granted every corpus that the run found documents in or was told to search. A table without a
--     line there is closed to readers.
--   * Every view of tda and trackstar reads with the rights of who asks: sql/policies.sql sets security_invoker, nothing
--     is to be written for it. So counts and means are of the rows that the reader sees.
--   * What `trackstar refresh` computes stands in tables of trackstar with policies of their own, seen as their runs are. A
--     materialized view would have no row-level security: there is none.
--   * A function of tda is LANGUAGE sql with BEGIN ATOMIC, or names objects of tda only (readers may not look into
--     schema trackstar), and is not SECURITY DEFINER. Only two are: tda.nearest searches gradients with the owner's
--     rights, among the documents that trackstar.matching_documents leaves, which leaves the reader's; and
--     tda.search_documents words, in the corpora that trackstar.granted_corpora leaves.
--   * PostgreSQL compares what it calls leakproof (texts, numbers, IS NULL) before a policy is asked, or reads an index by
--     it, and EXPLAIN ANALYZE tells of it: so a row that is hidden could be guessed. Therefore
--       - a policy costs less than any comparison: trackstar.is_outside, or it stands on a table of which views show
--         values only as expressions that are not leakproof (score + 0, name || ''), which wait for the policy;
--       - what a reader may guess at is in no index that a comparison of his reads, unless the index begins with the
--         corpus or the run and the policy asks for that as = ANY (…). Elsewhere it is indexed as such an expression, in
--         the view as in the index: that sorts, and reads nothing.
--     Numbers of documents, queries, facts and runs are no secret. tests/integration/test_guessing.py guesses at the rest.
--   * No message lists names that were not read so. A view that you make by hand is WITH (security_invoker).

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

-- What every role may do unless it is taken from all. Taken where nobody else would miss it (no other role may log in,
-- but readers), as far as the role that runs this may do it; the owner of our tables keeps what loads and searches need:
--   * temporary tables and large objects, and messages to those who decode the write-ahead log: readers write nowhere;
--   * advisory locks: whoever holds one of ours holds up a load or a refresh;
--   * counters of what was read of a table or index: they count the rows that a guess touched, seen or not.
DO $$
DECLARE
    tables_owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'trackstar');
    taken record;
BEGIN
    IF EXISTS (SELECT FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper
               AND r.rolname NOT IN (current_user, tables_owner) AND NOT pg_has_role(r.oid, 'tda_reader', 'MEMBER')) THEN
        RETURN;
    END IF;
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, tda_reader', current_database());
        IF NOT has_database_privilege(tables_owner, current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), tables_owner);
        END IF;
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOR taken IN
            SELECT p.oid::regprocedure AS function,
                   CASE WHEN p.proname LIKE 'pg\_stat%' THEN 'pg_monitor'
                        WHEN p.proname ~ 'advisory' THEN tables_owner END AS keeper
            FROM pg_proc p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace
              AND (p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put', 'lo_truncate',
                                 'lo_truncate64', 'lo_unlink', 'lowrite', 'pg_logical_emit_message')
                   OR p.proname ~ '^pg_(try_)?advisory_(xact_)?lock'
                   OR p.proname ~ '^pg_stat_get_(xact_)?(numscans|lastscan|tuples_returned|tuples_fetched|blocks_)')
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', taken.function);
            IF NOT has_function_privilege(taken.keeper, taken.function, 'EXECUTE') THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', taken.function, taken.keeper);
            END IF;
        END LOOP;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;

-- What a session of tda_reader itself begins with; a role that is a member of it has settings of its own. Rights do not
-- depend on it: this keeps a mistake from holding the server. A value that was set by hand stays, for example by
-- ALTER ROLE tda_reader IN DATABASE trackstar SET statement_timeout = '10min';
DO $$
DECLARE
    setting text[];
BEGIN
    FOREACH setting SLICE 1 IN ARRAY ARRAY[['default_transaction_read_only', 'on'], ['statement_timeout', '2min']]
    LOOP
        IF NOT EXISTS (
            SELECT FROM pg_db_role_setting s, unnest(s.setconfig) made
            WHERE s.setrole = 'tda_reader'::regrole AND made LIKE replace(setting[1], '_', '\_') || '=%'
              AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
        THEN
            EXECUTE format('ALTER ROLE tda_reader IN DATABASE %I SET %I = %L',
                           current_database(), setting[1], setting[2]);
        END IF;
    END LOOP;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'sessions of tda_reader keep the server''s settings: this role may not change them. A superuser '
            'does it in this database: ALTER ROLE tda_reader IN DATABASE % SET default_transaction_read_only = on; '
            'ALTER ROLE tda_reader IN DATABASE % SET statement_timeout = ''2min'';',
            quote_ident(current_database()), quote_ident(current_database());
END $$;
