-- Some queries of a task, with the rows of each one's side of the inner product.
SELECT query_id, gradient
FROM trackstar.task_query
WHERE task_id = %(task_id)s AND query_id = ANY (%(query_ids)s)
ORDER BY query_id, block;
