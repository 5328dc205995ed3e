-- A new task; nothing where the name is taken.
INSERT INTO trackstar.task (name, encoding_id, query_set_id, mixing_lambda, recipe)
VALUES (%(name)s, %(encoding_id)s, %(query_set_id)s, %(mixing_lambda)s, %(recipe)s)
ON CONFLICT (name) DO NOTHING
RETURNING task_id;
