-- How many gradients an encoding has, as the planner knows it: counting them would cost what an index is to save.
CREATE OR REPLACE FUNCTION trackstar.gradient_rows(in_encoding_id bigint) RETURNS double precision
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(max(CASE WHEN c.reltuples >= 1 THEN c.reltuples
                             ELSE greatest(pg_relation_size(c.oid) / 8192, 1) END), 1)
    FROM pg_class c
    WHERE c.oid = to_regclass(format('trackstar.%I', 'gradient_' || in_encoding_id));
END;

COMMENT ON FUNCTION trackstar.gradient_rows(bigint) IS
    'About how many gradients an encoding has, by the planner''s estimate, or one a page without any.';

-- Lists of an IVFFlat index that hold so many documents, if all were of one size.
CREATE OR REPLACE FUNCTION trackstar.ivfflat_probes(in_encoding_id bigint, in_candidates bigint) RETURNS integer
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(max(least(ceil(in_candidates * lists.option_value::double precision
                                   / trackstar.gradient_rows(in_encoding_id)),
                              lists.option_value::double precision)::integer), 1)
    FROM pg_class c, pg_options_to_table(c.reloptions) lists
    WHERE c.oid = to_regclass(format('trackstar.%I', 'gradient_' || in_encoding_id || '_ivfflat'))
      AND lists.option_name = 'lists';
END;

COMMENT ON FUNCTION trackstar.ivfflat_probes(bigint, bigint) IS
    'How many lists of an encoding''s IVFFlat index are to be read for so many candidates.';

-- The documents that an index proposes for one direction, in no order: whoever asks compares them exactly.
-- The indexes of pgvector stand on expressions that name the dimension, so that the statement must name it too.
CREATE OR REPLACE FUNCTION trackstar.index_candidates(
    in_encoding_id bigint, in_index text, in_direction halfvec, in_candidates bigint
)
RETURNS TABLE (document_id bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
-- Set below for what is asked, and taken back by these clauses. pgvector's own settings are taken back at the end:
-- a clause that names them may be written by a superuser only, while the extension is not loaded yet.
SET enable_seqscan = on
SET enable_sort = on
AS $$
DECLARE
    dimension integer;
    vector_schema text;
    statement text;
    planes bit varying[];
    -- It goes on where the first reading found too few (pgvector 0.8 and later; unknown before).
    going_on text := CASE in_index WHEN 'ivfflat' THEN 'ivfflat.iterative_scan' ELSE 'hnsw.iterative_scan' END;
    going_on_before text := current_setting(going_on, true);
    ef_search_before text := coalesce(nullif(current_setting('hnsw.ef_search', true), ''), '40');
    probes_before text := coalesce(nullif(current_setting('ivfflat.probes', true), ''), '1');
BEGIN
    IF in_index = 'signs' THEN
        planes := trackstar.sign_planes(in_direction);
        RETURN QUERY
            SELECT c.document_id
            FROM trackstar.candidates_by_signs(in_encoding_id, planes[1], planes[2], planes[3], planes[4],
                                               in_candidates) c;
        RETURN;
    END IF;
    SELECT e.dimension, quote_ident(n.nspname) INTO dimension, vector_schema
    FROM trackstar.encoding e, pg_extension x
    JOIN pg_namespace n ON n.oid = x.extnamespace
    WHERE e.encoding_id = in_encoding_id AND x.extname = 'vector';
    statement := CASE in_index
        WHEN 'binary' THEN
            'SELECT g.document_id FROM trackstar.%1$I g ORDER BY %2$s.binary_quantize(g.gradient)::bit(%3$s) '
            'OPERATOR(%2$s.<~>) %2$s.binary_quantize($1) LIMIT $2'
        ELSE
            'SELECT g.document_id FROM trackstar.%1$I g ORDER BY g.gradient::%2$s.halfvec(%3$s) '
            'OPERATOR(%2$s.<#>) $1 LIMIT $2' END;
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
            set_config('hnsw.ef_search', least(in_candidates, 1000)::text, true),
            set_config('ivfflat.probes', trackstar.ivfflat_probes(in_encoding_id, in_candidates)::text, true);
    IF going_on_before IS NOT NULL THEN
        PERFORM set_config(going_on, 'relaxed_order', true);
    END IF;
    RETURN QUERY EXECUTE format(statement, 'gradient_' || in_encoding_id, vector_schema, dimension)
        USING in_direction, in_candidates;
    PERFORM set_config('hnsw.ef_search', ef_search_before, true), set_config('ivfflat.probes', probes_before, true);
    IF going_on_before IS NOT NULL THEN
        PERFORM set_config(going_on, going_on_before, true);
    END IF;
END $$;

COMMENT ON FUNCTION trackstar.index_candidates(bigint, text, halfvec, bigint) IS
    'At most so many documents of an encoding that one of its indexes holds for the nearest to a direction.';
