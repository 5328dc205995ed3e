-- A task's M^(1/2), block by block.
SELECT name, dtype, shape, data FROM trackstar.task_tensor WHERE task_id = %(task_id)s ORDER BY name;
