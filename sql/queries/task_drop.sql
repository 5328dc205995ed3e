-- Drop a task with all that it keeps.
DELETE FROM trackstar.task WHERE task_id = %(task_id)s;
