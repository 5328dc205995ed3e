-- Who asks: the role of SET ROLE, otherwise the login. Not current_user, which within a SECURITY DEFINER function is its
-- owner: such a function lends nobody the corpora of its owner.
CREATE OR REPLACE FUNCTION trackstar.asking_role() RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END;

COMMENT ON FUNCTION trackstar.asking_role() IS 'The role that asks: the one of SET ROLE, otherwise the login.';

-- The corpora that are granted to who asks, or to a role whose rights that one has. NULL, and not all numbers, where that
-- is every corpus: nothing is to be left out then. So it is for those whom row-level security does not concern.
CREATE OR REPLACE FUNCTION trackstar.granted_corpora() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asking oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = trackstar.asking_role());
    granted bigint[];
BEGIN
    IF (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = asking)
       OR pg_has_role(asking, (SELECT c.relowner FROM pg_class c WHERE c.oid = 'trackstar.document'::regclass), 'USAGE')
    THEN
        RETURN NULL;
    END IF;
    granted := ARRAY(
        SELECT c.corpus_id
        FROM trackstar.corpus c
        WHERE EXISTS (SELECT FROM trackstar.corpus_grant g
                      JOIN pg_roles r ON r.rolname = g.role_name
                      WHERE (g.corpus_id IS NULL OR g.corpus_id = c.corpus_id)
                        AND pg_has_role(asking, r.oid, 'USAGE')));
    RETURN CASE WHEN cardinality(granted) < (SELECT count(*) FROM trackstar.corpus) THEN granted END;
END $$;

COMMENT ON FUNCTION trackstar.granted_corpora() IS
    'The corpora that who asks may read, by number; NULL where that is every corpus.';

-- For the policy on documents: a list, whatever is granted, that the indexes on (corpus_id, …) are read by.
CREATE OR REPLACE FUNCTION trackstar.readable_corpora() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(trackstar.granted_corpora(), ARRAY(SELECT c.corpus_id FROM trackstar.corpus c));
END $$;

COMMENT ON FUNCTION trackstar.readable_corpora() IS 'The corpora that who asks may read, by number, all or not.';

-- For frequencies, which name corpora that need not be in the database.
CREATE OR REPLACE FUNCTION trackstar.closed_corpus_names() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    granted bigint[] := trackstar.granted_corpora();
BEGIN
    RETURN ARRAY(SELECT c.name FROM trackstar.corpus c WHERE c.corpus_id <> ALL (granted));
END $$;

COMMENT ON FUNCTION trackstar.closed_corpus_names() IS 'The names of the corpora that who asks may not read.';
