-- The documents that filters leave of those that who asks may read, by number; NULL, and not all numbers, where nothing
-- is left out. Numbers and not a join: the search is then planned with their exact count, which no statistics give, and
-- takes gradients by their index where they are few and scans where they are many.
CREATE OR REPLACE FUNCTION trackstar.matching_documents(in_corpus text, in_relation text, in_metadata jsonb)
RETURNS bigint[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    granted bigint[] := trackstar.granted_corpora();
    found_corpus_id bigint := (SELECT c.corpus_id FROM trackstar.corpus c
                               WHERE c.name = in_corpus AND (granted IS NULL OR c.corpus_id = ANY (granted)));
    found_external_ids text[];
    searched bigint[] := coalesce(granted, ARRAY(SELECT c.corpus_id FROM trackstar.corpus c));  -- an index begins with it
BEGIN
    IF in_corpus IS NOT NULL AND found_corpus_id IS NULL THEN
        RAISE EXCEPTION 'no corpus %', quote_literal(in_corpus)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'The database has: '
                         || (SELECT coalesce(string_agg(c.name, ', ' ORDER BY c.name), 'none') FROM trackstar.corpus c
                             WHERE granted IS NULL OR c.corpus_id = ANY (granted));
    END IF;
    IF jsonb_typeof(in_metadata) <> 'object' THEN
        RAISE EXCEPTION 'metadata is %, expected a JSON object', in_metadata
            USING ERRCODE = 'invalid_parameter_value', HINT = 'For example: metadata => ''{"kind": "statement"}''';
    END IF;
    IF NOT EXISTS (SELECT FROM trackstar.corpus c
                   WHERE c.corpus_id <> found_corpus_id
                     AND EXISTS (SELECT FROM trackstar.document d WHERE d.corpus_id = c.corpus_id)) THEN
        found_corpus_id := NULL;  -- it has every document
    END IF;
    IF in_relation IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM trackstar.relation r WHERE in_relation IN (r.label, r.uri)) THEN
            RAISE EXCEPTION 'no relation has the label or uri %', quote_literal(in_relation)
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'SELECT DISTINCT relation, relation_uri FROM tda.fact lists them.';
        END IF;
        found_external_ids := ARRAY(
            SELECT DISTINCT a.document_external_id
            FROM trackstar.relation r
            JOIN trackstar.fact f ON f.relation_id = r.relation_id
            JOIN trackstar.annotation a ON a.fact_id = f.fact_id
            WHERE in_relation IN (r.label, r.uri));
    END IF;
    IF num_nonnulls(granted, found_corpus_id, found_external_ids) = 0 AND coalesce(in_metadata, '{}') = '{}' THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(
        SELECT d.document_id
        FROM trackstar.document d
        WHERE d.corpus_id = ANY (searched)
          AND (found_corpus_id IS NULL OR d.corpus_id = found_corpus_id)
          AND (found_external_ids IS NULL OR d.external_id = ANY (found_external_ids))
          AND (in_metadata IS NULL OR d.metadata @> in_metadata));
END $$;

COMMENT ON FUNCTION trackstar.matching_documents(text, text, jsonb) IS
    'The numbers of the documents of a corpus, of a relation, with given metadata, among those that who asks may read; '
    'NULL where nothing is left out.';
