-- One task.
SELECT t.task_id, t.name, t.encoding_id, e.name AS encoding, t.query_set_id, s.name AS query_set, t.mixing_lambda,
       t.recipe, t.created_at
FROM trackstar.task t
JOIN trackstar.encoding e USING (encoding_id)
JOIN trackstar.query_set s ON s.query_set_id = t.query_set_id
WHERE t.name = %(name)s;
