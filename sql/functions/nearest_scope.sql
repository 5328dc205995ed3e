-- Whose gradients a stored query is compared with: of the task that is named, of the encoding that is named, or of the
-- only one that the query has.
CREATE OR REPLACE FUNCTION trackstar.nearest_scope(in_query_id bigint, in_encoding text, in_task text)
RETURNS TABLE (encoding_id bigint, task_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    scope record;
BEGIN
    IF in_task IS NOT NULL THEN
        SELECT t.encoding_id, t.task_id, e.name INTO scope
        FROM trackstar.task t JOIN trackstar.encoding e ON e.encoding_id = t.encoding_id
        WHERE t.name = in_task
          AND EXISTS (SELECT FROM trackstar.task_query g WHERE g.task_id = t.task_id AND g.query_id = in_query_id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'query % is not in a task %', in_query_id, quote_literal(in_task)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT task, query_set FROM tda.task lists them.';
        ELSIF scope.name <> in_encoding THEN
            RAISE EXCEPTION 'task % is under encoding %, not under %',
                quote_literal(in_task), quote_literal(scope.name), quote_literal(in_encoding)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'A task knows its encoding: leave that out.';
        END IF;
        RETURN QUERY SELECT scope.encoding_id, scope.task_id;
        RETURN;
    END IF;
    SELECT min(e.encoding_id) AS encoding_id, count(DISTINCT e.encoding_id) AS encodings INTO scope
    FROM trackstar.query_gradient g JOIN trackstar.encoding e ON e.encoding_id = g.encoding_id
    WHERE g.query_id = in_query_id AND (in_encoding IS NULL OR e.name = in_encoding);
    IF scope.encodings = 0 THEN
        RAISE EXCEPTION 'query % is not encoded%', in_query_id, coalesce(' by ' || quote_literal(in_encoding), '')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Run: trackstar encode queries --encoding NAME --query-set NAME';
    ELSIF scope.encodings > 1 THEN
        RAISE EXCEPTION 'query % is encoded by % encodings', in_query_id, scope.encodings
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: tda.nearest(query_id, k, ''encoding'')';
    END IF;
    RETURN QUERY SELECT scope.encoding_id, NULL::bigint;
END $$;

COMMENT ON FUNCTION trackstar.nearest_scope(bigint, text, text) IS
    'The encoding, and the task if one is named, whose gradients a stored query is compared with.';
