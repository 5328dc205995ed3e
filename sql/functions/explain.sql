-- What stands behind one answer? With the rights of whoever asks, of the public views.
CREATE OR REPLACE FUNCTION tda.explain(run text, query_id bigint)
RETURNS TABLE (
    direction text, rank integer, influence double precision, score double precision, document_id bigint, corpus text,
    external_id text, text text, kind text, is_annotated boolean, ais_score double precision, is_entailed boolean,
    best_window text, tail_patch_delta double precision, holds_subject boolean, holds_object boolean,
    has_same_relation boolean, shares_template boolean, word_overlap double precision
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    asked_set text := (SELECT r.query_set FROM tda.run r WHERE r.run = explain.run);
    windows jsonb;
BEGIN
    IF asked_set IS NULL THEN
        RAISE EXCEPTION 'no run named %', coalesce(quote_literal(explain.run), 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT run, query_set FROM tda.run lists them.';
    END IF;
    SELECT coalesce(q.metadata -> 'proponent_ais_best_windows', '[]') INTO windows
    FROM tda.run_query q
    WHERE q.run = explain.run AND q.query_id = explain.query_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'run % did not ask query %', quote_literal(explain.run),
            coalesce(explain.query_id::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('SELECT query_id, prompt FROM tda.query WHERE query_set = %L lists what it asked.',
                                asked_set);
    END IF;
    RETURN QUERY
        WITH evidence AS MATERIALIZED (  -- once for each document: texts are taken apart for it
            SELECT e.direction, e.rank, e.kind, e.holds_subject, e.holds_object, e.has_same_relation, e.shares_template,
                   e.word_overlap
            FROM tda.proponent_explanation e
            WHERE e.run = explain.run AND e.query_id = explain.query_id
        )
        SELECT p.direction, p.rank, p.influence, p.score, p.document_id, p.corpus, p.external_id, p.text, e.kind,
               p.is_annotated, p.ais_score, p.is_entailed,
               CASE WHEN p.direction = 'proponent' THEN windows ->> (p.rank - 1) END,
               p.tail_patch_delta, e.holds_subject, e.holds_object, e.has_same_relation, e.shares_template,
               e.word_overlap
        FROM tda.proponent p
        JOIN evidence e ON e.direction = p.direction AND e.rank = p.rank
        WHERE p.run = explain.run AND p.query_id = explain.query_id
        ORDER BY p.direction DESC, p.rank;
END $$;

COMMENT ON FUNCTION tda.explain(text, bigint) IS
    'Everything about one query of one run: its proponents, then its opponents, by rank, with their texts, what judges '
    'say of them (is_annotated, ais_score, is_entailed, tail_patch_delta) and what they share with the query (kind, '
    'holds_subject and so on), as in tda.proponent and tda.proponent_explanation. best_window: the part of the text that '
    'the entailment score was taken from, of imported results; else empty.';
