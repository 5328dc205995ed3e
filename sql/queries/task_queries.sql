-- Every query of a task, or some of them, with the rows of its side of the inner product.
SELECT query_id, gradient
FROM trackstar.task_query
WHERE task_id = %(task_id)s AND (%(query_ids)s::bigint[] IS NULL OR query_id = ANY (%(query_ids)s))
ORDER BY query_id, block;
