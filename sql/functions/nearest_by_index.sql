-- The documents with the highest inner product with one direction among those that an index proposes, compared
-- exactly; under a task over each document's norm, which the index does not know. OFFSET 0 looks each candidate up by
-- its key, where the planner would rather read every gradient.
CREATE OR REPLACE FUNCTION trackstar.nearest_of_candidates(
    in_encoding_id bigint, in_task_id bigint, in_direction halfvec, in_k integer, in_index text, in_candidates bigint
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT g.document_id, -(g.gradient <#> in_direction) / coalesce(t.norm, 1) AS influence
    FROM trackstar.index_candidates(in_encoding_id, in_index, in_direction, in_candidates) c
    CROSS JOIN LATERAL (SELECT one.document_id, one.gradient
                        FROM trackstar.gradient one
                        WHERE one.encoding_id = in_encoding_id AND one.document_id = c.document_id
                        OFFSET 0) g
    LEFT JOIN trackstar.task_document t ON t.task_id = in_task_id AND t.document_id = g.document_id
    WHERE in_task_id IS NULL OR t.norm IS NOT NULL
    ORDER BY influence DESC, g.document_id
    LIMIT in_k;
END;

COMMENT ON FUNCTION trackstar.nearest_of_candidates(bigint, bigint, halfvec, integer, text, bigint) IS
    'The k nearest of the documents that an index proposes.';

-- The same as trackstar.nearest_documents gives, but by an index where it can answer, and exactly, with a notice, where
-- not: a filter is exact and as quick by itself, and too few documents are no answer.
CREATE OR REPLACE FUNCTION trackstar.nearest_by_index(
    in_encoding_id bigint, in_task_id bigint, in_direction halfvec, in_k integer,
    in_document_ids bigint[], in_index text, in_candidates integer
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    candidates bigint := coalesce(in_candidates, trackstar.default_candidates(in_encoding_id, in_k));
    document_ids bigint[];
    influences double precision[];
BEGIN
    IF candidates < in_k THEN
        RAISE EXCEPTION 'candidates is %, expected at least k = %', candidates, in_k
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out, or ask for more candidates.';
    END IF;
    PERFORM trackstar.require_index(in_encoding_id, in_index);
    IF in_document_ids IS NOT NULL THEN
        RAISE NOTICE 'documents were filtered and searched exactly: index % knows nothing of filters', in_index;
    ELSE
        SELECT array_agg(n.document_id), array_agg(n.influence) INTO document_ids, influences
        FROM trackstar.nearest_of_candidates(in_encoding_id, in_task_id, in_direction, in_k, in_index, candidates) n;
        IF cardinality(document_ids) = in_k THEN
            RETURN QUERY SELECT * FROM unnest(document_ids, influences);
            RETURN;
        END IF;
        RAISE NOTICE 'index % found % of % documents: searched exactly',
            in_index, coalesce(cardinality(document_ids), 0), in_k;
    END IF;
    RETURN QUERY
        SELECT n.document_id, n.influence
        FROM trackstar.nearest_documents(in_encoding_id, in_task_id, in_direction, in_k, in_document_ids) n;
END $$;

COMMENT ON FUNCTION trackstar.nearest_by_index(bigint, bigint, halfvec, integer, bigint[], text, integer) IS
    'The k nearest documents by an index of the encoding, or exactly, with a notice, where it cannot answer.';

-- What a gradient's neighbours need, measured on real ones: the share shrinks as the documents grow in number.
CREATE OR REPLACE FUNCTION trackstar.default_candidates(in_encoding_id bigint, in_k integer) RETURNS bigint
LANGUAGE sql STABLE
RETURN greatest(8 * sqrt(trackstar.gradient_rows(in_encoding_id)), 4 * in_k::bigint, 100)::bigint;

COMMENT ON FUNCTION trackstar.default_candidates(bigint, integer) IS
    'How many documents an index proposes where nobody says: 8 times the square root of the encoding''s '
    'documents, at least 4 k and at least 100.';
