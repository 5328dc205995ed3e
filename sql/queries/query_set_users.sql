-- What stands on a query set: its kind and name.
SELECT 'run' AS kind, name FROM trackstar.run WHERE query_set_id = %(query_set_id)s
UNION ALL
SELECT 'task', name FROM trackstar.task WHERE query_set_id = %(query_set_id)s
UNION ALL
SELECT 'retraining', name FROM trackstar.retraining WHERE query_set_id = %(query_set_id)s
ORDER BY kind, name;
