-- Every query of a task with its side of the inner product.
SELECT query_id, gradient FROM trackstar.task_query WHERE task_id = %(task_id)s ORDER BY query_id;
