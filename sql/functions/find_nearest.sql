-- What tda.nearest answers: names become numbers, and what is wrong is said; trackstar.nearest_documents searches.
CREATE OR REPLACE FUNCTION trackstar.find_nearest(
    in_query_id bigint, in_k integer, in_encoding text, in_task text, in_corpus text, in_relation text, in_metadata jsonb,
    in_index text, in_candidates integer
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found_task_id bigint;
    found_encoding_id bigint;
    found_count bigint;
    found_bits integer;
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
    IF in_task IS NOT NULL THEN
        SELECT t.task_id, t.encoding_id INTO found_task_id, found_encoding_id
        FROM trackstar.task t
        WHERE t.name = in_task
          AND EXISTS (SELECT FROM trackstar.task_query g WHERE g.task_id = t.task_id AND g.query_id = in_query_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'query % is not in a task %', in_query_id, quote_literal(in_task)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT task, query_set FROM tda.task lists them.';
        END IF;
    ELSE
        SELECT min(e.encoding_id), count(DISTINCT e.encoding_id) INTO found_encoding_id, found_count
        FROM trackstar.query_gradient g JOIN trackstar.encoding e ON e.encoding_id = g.encoding_id
        WHERE g.query_id = in_query_id AND (in_encoding IS NULL OR e.name = in_encoding);
        IF found_count = 0 THEN
            RAISE EXCEPTION 'query % is not encoded%', in_query_id, coalesce(' by ' || quote_literal(in_encoding), '')
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'Run: trackstar encode queries --encoding NAME --query-set NAME';
        ELSIF found_count > 1 THEN
            RAISE EXCEPTION 'query % is encoded by % encodings', in_query_id, found_count
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: tda.nearest(query_id, k, ''encoding'')';
        END IF;
    END IF;
    IF in_index IS NOT NULL THEN
        PERFORM trackstar.require_index(found_encoding_id, in_index);
    ELSIF in_candidates IS NOT NULL THEN
        RAISE EXCEPTION 'candidates is %, and no index is named that could propose them', in_candidates
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: index => ''signs''';
    END IF;
    matching := trackstar.matching_documents(in_corpus, in_relation, in_metadata);
    found_bits := (SELECT e.bits FROM trackstar.encoding e WHERE e.encoding_id = found_encoding_id);
    IF found_bits < 16 THEN
        RETURN QUERY
            SELECT n.document_id, n.influence
            FROM trackstar.nearest_by_code(
                found_encoding_id, found_task_id,
                trackstar.nearest_code_side(found_encoding_id, found_task_id, in_query_id), in_k, matching) n;
        RETURN;
    END IF;
    IF (SELECT e.is_by_block FROM trackstar.encoding e WHERE e.encoding_id = found_encoding_id) THEN
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
