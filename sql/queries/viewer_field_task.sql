-- The task of a query of a run, o: as an imported record has it, else its query set.
SELECT coalesce(k.metadata ->> 'task', k.metadata ->> 'query_set', o.query_set)
FROM tda.run_query k
WHERE k.run_id = o.run_id AND k.query_id = o.query_id
