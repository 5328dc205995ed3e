-- A query's side of a task's inner product.
INSERT INTO trackstar.task_query (task_id, query_id, gradient) VALUES (%(task_id)s, %(query_id)s, %(gradient)s);
