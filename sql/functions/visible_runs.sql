-- The runs that who asks may read: those whose every corpus is granted. NULL, and not all numbers, where that is every
-- corpus.
CREATE OR REPLACE FUNCTION trackstar.visible_runs() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    granted bigint[] := trackstar.granted_corpora();
BEGIN
    RETURN CASE WHEN granted IS NOT NULL THEN ARRAY(
        SELECT r.run_id
        FROM trackstar.run r
        WHERE NOT EXISTS (SELECT FROM trackstar.run_corpus c
                          WHERE c.run_id = r.run_id AND c.corpus_id <> ALL (granted))) END;
END $$;

COMMENT ON FUNCTION trackstar.visible_runs() IS
    'The runs that who asks may read, by number; NULL where every corpus is granted.';

-- For the policy on what lists show: a list, whatever is granted, that the indexes on (run_id, …) are read by. The runs
-- with most queries come first, for where it is gone through row by row.
CREATE OR REPLACE FUNCTION trackstar.readable_runs() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    visible bigint[] := trackstar.visible_runs();
BEGIN
    RETURN ARRAY(SELECT r.run_id FROM trackstar.run r
                 WHERE visible IS NULL OR r.run_id = ANY (visible)
                 ORDER BY r.query_count DESC, r.run_id);
END $$;

COMMENT ON FUNCTION trackstar.readable_runs() IS 'The runs that who asks may read, by number, all or not.';

-- Retrainings likewise: those of the corpora that are granted.
CREATE OR REPLACE FUNCTION trackstar.visible_retrainings() RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    granted bigint[] := trackstar.granted_corpora();
BEGIN
    RETURN CASE WHEN granted IS NOT NULL
           THEN ARRAY(SELECT t.retraining_id FROM trackstar.retraining t WHERE t.corpus_id = ANY (granted)) END;
END $$;

COMMENT ON FUNCTION trackstar.visible_retrainings() IS
    'The retrainings that who asks may read, by number; NULL where every corpus is granted.';
