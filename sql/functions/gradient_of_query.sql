-- A stored query's side of the inner product as it is stored, under an encoding or under a task: a row, or a row for
-- each layer block, and what all of it is to be divided by.
CREATE OR REPLACE FUNCTION trackstar.gradient_of_query(in_encoding_id bigint, in_task_id bigint, in_query_id bigint)
RETURNS TABLE (block smallint, gradient vector, whole double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT q.block, q.gradient, sqrt(sum(power(vector_norm(q.gradient), 2)) OVER ())
    FROM trackstar.query_gradient q
    WHERE in_task_id IS NULL AND q.encoding_id = in_encoding_id AND q.query_id = in_query_id
    UNION ALL
    SELECT q.block, q.gradient, 1
    FROM trackstar.task_query q
    WHERE q.task_id = in_task_id AND q.query_id = in_query_id;
END;

COMMENT ON FUNCTION trackstar.gradient_of_query(bigint, bigint, bigint) IS
    'The rows of a stored query''s side of the inner product, and what they are divided by: their length, or under a '
    'task, which has done so, 1.';
