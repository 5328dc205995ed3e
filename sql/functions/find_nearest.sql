-- What tda.nearest answers: names become numbers, what is wrong is said, and the search is that of the table in which
-- the encoding's gradients stand. ROWS is what callers mostly ask for: at the default of 1,000 a join with documents
-- is planned that reads them all.
CREATE OR REPLACE FUNCTION trackstar.find_nearest(
    in_query_id bigint, in_k integer, in_encoding text, in_task text, in_corpus text, in_relation text, in_metadata jsonb,
    in_index text, in_candidates integer
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found_encoding_id bigint;
    found_task_id bigint;
    found_bits integer;
    found_is_by_block boolean;
    side record;
    matching bigint[];
BEGIN
    IF in_k IS NULL OR in_k < 1 THEN
        RAISE EXCEPTION 'k is %, expected a whole number from 1', coalesce(in_k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM trackstar.query q WHERE q.query_id = in_query_id) THEN
        RAISE EXCEPTION 'no query %', coalesce(in_query_id::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT query_id, prompt FROM tda.query lists them.';
    END IF;
    SELECT s.encoding_id, s.task_id INTO found_encoding_id, found_task_id
    FROM trackstar.nearest_scope(in_query_id, in_encoding, in_task) s;
    IF in_index IS NOT NULL THEN
        PERFORM trackstar.require_index(found_encoding_id, in_index);
    ELSIF in_candidates IS NOT NULL THEN
        RAISE EXCEPTION 'candidates is %, and no index is named that could propose them', in_candidates
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: index => ''signs''';
    END IF;
    matching := trackstar.matching_documents(in_corpus, in_relation, in_metadata);
    SELECT e.bits, e.is_by_block INTO found_bits, found_is_by_block
    FROM trackstar.encoding e
    WHERE e.encoding_id = found_encoding_id;
    IF found_bits < 16 THEN
        RETURN QUERY
            SELECT n.document_id, n.influence
            FROM trackstar.nearest_by_code(
                found_encoding_id, found_task_id,
                trackstar.nearest_code_side(found_encoding_id, found_task_id, in_query_id), in_k, matching) n;
        RETURN;
    END IF;
    IF found_is_by_block THEN
        RETURN QUERY
            SELECT n.document_id, n.influence
            FROM trackstar.nearest_sides_by_block(found_encoding_id, found_task_id, in_query_id) s,
                 trackstar.nearest_by_block(found_encoding_id, found_task_id, s.directions, s.lengths, in_k,
                                            matching) n;
        RETURN;
    END IF;
    SELECT s.direction, s.length INTO side
    FROM trackstar.nearest_side(found_encoding_id, found_task_id, in_query_id) s;
    IF in_index IS NOT NULL THEN
        RETURN QUERY
            SELECT n.document_id, n.influence * side.length
            FROM trackstar.nearest_by_index(found_encoding_id, found_task_id, side.direction, in_k, matching,
                                            in_index, in_candidates) n;
        RETURN;
    END IF;
    RETURN QUERY
        SELECT n.document_id, n.influence * side.length
        FROM trackstar.nearest_documents(found_encoding_id, found_task_id, side.direction, in_k, matching) n;
END $$;

COMMENT ON FUNCTION trackstar.find_nearest(bigint, integer, text, text, text, text, jsonb, text, integer) IS
    'The k documents with the highest influence on a stored query, asked for by names: what tda.nearest answers.';
