-- The documents that influence one stored query most, by an exact scan inside the database.
-- The inner function is parsed when it is made (BEGIN ATOMIC), so no search_path can change its meaning.
CREATE OR REPLACE FUNCTION trackstar.nearest(in_encoding_id bigint, in_query_id bigint, in_k integer)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.document_id,
           -(g.gradient <#> (SELECT l2_normalize(q.gradient)::halfvec
                             FROM trackstar.query_gradient q
                             WHERE q.encoding_id = in_encoding_id AND q.query_id = in_query_id))
    FROM trackstar.gradient g
    WHERE g.encoding_id = in_encoding_id
    ORDER BY g.gradient <#> (SELECT l2_normalize(q.gradient)::halfvec
                             FROM trackstar.query_gradient q
                             WHERE q.encoding_id = in_encoding_id AND q.query_id = in_query_id),
             g.document_id
    LIMIT in_k;
END;

-- The same under a task: its own side of the inner product, over each document's norm.
CREATE OR REPLACE FUNCTION trackstar.nearest_under_task(in_task_id bigint, in_query_id bigint, in_k integer)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    -- The side keeps its length apart: half precision has no room for very small numbers.
    SELECT g.document_id,
           -(g.gradient <#> (SELECT l2_normalize(q.gradient)::halfvec
                             FROM trackstar.task_query q
                             WHERE q.task_id = in_task_id AND q.query_id = in_query_id))
           * (SELECT vector_norm(q.gradient)
              FROM trackstar.task_query q
              WHERE q.task_id = in_task_id AND q.query_id = in_query_id) / t.norm
    FROM trackstar.task_document t
    JOIN trackstar.gradient g ON g.encoding_id = t.encoding_id AND g.document_id = t.document_id
    WHERE t.task_id = in_task_id
    ORDER BY 2 DESC, g.document_id
    LIMIT in_k;
END;

DROP FUNCTION IF EXISTS tda.nearest(bigint, integer, text);  -- had no task

CREATE OR REPLACE FUNCTION tda.nearest(
    query_id bigint, k integer DEFAULT 10, encoding text DEFAULT NULL, task text DEFAULT NULL
)
RETURNS TABLE (
    rank integer, influence double precision, document_id bigint, corpus text, external_id text, text text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked_query_id ALIAS FOR $1;
    asked_encoding ALIAS FOR $3;
    asked_task ALIAS FOR $4;
    found_task_id bigint;
    found_encoding_id bigint;
    found_count bigint;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %, expected a whole number from 1', coalesce(k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM trackstar.query q WHERE q.query_id = asked_query_id) THEN
        RAISE EXCEPTION 'no query %', coalesce(asked_query_id::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT query_id, prompt FROM tda.query lists them.';
    END IF;
    IF asked_task IS NOT NULL THEN
        SELECT t.task_id INTO found_task_id
        FROM trackstar.task t
        JOIN trackstar.task_query g ON g.task_id = t.task_id
        WHERE t.name = asked_task AND g.query_id = asked_query_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'query % is not in a task %', asked_query_id, quote_literal(asked_task)
                USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT task, query_set FROM tda.task lists them.';
        END IF;
        RETURN QUERY
            SELECT row_number() OVER (ORDER BY n.influence DESC, n.document_id)::integer,
                   n.influence, n.document_id, c.name, d.external_id, d.text
            FROM trackstar.nearest_under_task(found_task_id, asked_query_id, k) n
            JOIN trackstar.document d ON d.document_id = n.document_id
            JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
            ORDER BY 1;
        RETURN;
    END IF;
    SELECT min(e.encoding_id), count(*) INTO found_encoding_id, found_count
    FROM trackstar.query_gradient g JOIN trackstar.encoding e ON e.encoding_id = g.encoding_id
    WHERE g.query_id = asked_query_id AND (asked_encoding IS NULL OR e.name = asked_encoding);
    IF found_count = 0 THEN
        RAISE EXCEPTION 'query % is not encoded%', asked_query_id, coalesce(' by ' || quote_literal(asked_encoding), '')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Run: trackstar encode queries --encoding NAME --query-set NAME';
    ELSIF found_count > 1 THEN
        RAISE EXCEPTION 'query % is encoded by % encodings', asked_query_id, found_count
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: tda.nearest(query_id, k, ''encoding'')';
    END IF;
    RETURN QUERY
        SELECT row_number() OVER (ORDER BY n.influence DESC, n.document_id)::integer,
               n.influence, n.document_id, c.name, d.external_id, d.text
        FROM trackstar.nearest(found_encoding_id, asked_query_id, k) n
        JOIN trackstar.document d ON d.document_id = n.document_id
        JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
        ORDER BY 1;
END $$;

COMMENT ON FUNCTION tda.nearest(bigint, integer, text, text) IS
    'The k documents with the highest influence on a stored query, scanned exactly: under R of the corpus, or under a '
    'task''s R where one is named. The encoding may be left out when the query has been encoded by one only.';
