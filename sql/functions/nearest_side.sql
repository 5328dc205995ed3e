-- A query's side of the inner product, under an encoding or under a task: direction and length. Apart, since half
-- precision has no room for very small numbers.
CREATE OR REPLACE FUNCTION trackstar.nearest_side(in_encoding_id bigint, in_task_id bigint, in_query_id bigint)
RETURNS TABLE (direction halfvec, length double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT l2_normalize(q.gradient)::halfvec, 1
    FROM trackstar.query_gradient q
    WHERE in_task_id IS NULL AND q.encoding_id = in_encoding_id AND q.query_id = in_query_id
    UNION ALL
    SELECT l2_normalize(q.gradient)::halfvec, vector_norm(q.gradient)
    FROM trackstar.task_query q
    WHERE q.task_id = in_task_id AND q.query_id = in_query_id;
END;

COMMENT ON FUNCTION trackstar.nearest_side(bigint, bigint, bigint) IS
    'A stored query''s side of the inner product: direction and length.';
