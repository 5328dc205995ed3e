-- What tda.search_documents answers. An index of words, where there is one (trackstar refresh --words), finds them; without
-- it every text is taken apart. The first that are found are ranked, not all: of a frequent word there are millions.
CREATE OR REPLACE FUNCTION trackstar.find_words(in_words text, in_k integer, in_corpus text)
RETURNS TABLE (document_id bigint, relevance real)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    asked tsquery := websearch_to_tsquery('pg_catalog.simple'::regconfig, in_words);
    granted bigint[] := trackstar.granted_corpora();
    found_corpus_id bigint := (SELECT c.corpus_id FROM trackstar.corpus c
                               WHERE c.name = in_corpus AND (granted IS NULL OR c.corpus_id = ANY (granted)));
BEGIN
    IF in_k IS NULL OR in_k < 1 THEN
        RAISE EXCEPTION 'k is %, expected a whole number from 1', coalesce(in_k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF coalesce(numnode(asked), 0) = 0 THEN
        RAISE EXCEPTION 'there is no word to look for in %', coalesce(quote_literal(in_words), 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'For example: ''capital "of France" -Lyon''';
    END IF;
    IF in_corpus IS NOT NULL AND found_corpus_id IS NULL THEN
        RAISE EXCEPTION 'no corpus %', quote_literal(in_corpus)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT corpus FROM tda.corpus lists them.';
    END IF;
    RETURN QUERY
        SELECT first.document_id,
               ts_rank(to_tsvector('pg_catalog.simple'::regconfig, left(first.text, 10000)), asked) AS relevance
        FROM (SELECT d.document_id, d.text
              FROM trackstar.document d
              WHERE to_tsvector('pg_catalog.simple'::regconfig, left(d.text, 100000)) @@ asked
                AND (granted IS NULL OR d.corpus_id = ANY (granted))
                AND (found_corpus_id IS NULL OR d.corpus_id = found_corpus_id)
              LIMIT 4 * in_k::bigint) first
        ORDER BY 2 DESC, 1
        LIMIT in_k;
END $$;

COMMENT ON FUNCTION trackstar.find_words(text, integer, text) IS
    'The numbers of documents that have some words, of the corpora that who asks may read, best first.';
