-- The runs that stand on a task.
SELECT name FROM trackstar.run WHERE task_id = %(task_id)s ORDER BY name;
