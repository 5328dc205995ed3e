-- A query's side of a task's inner product, or one layer block of it.
INSERT INTO trackstar.task_query (task_id, query_id, block, gradient)
VALUES (%(task_id)s, %(query_id)s, %(block)s, %(gradient)s);
