-- Encoded queries of a task's set that have no part of the task yet.
SELECT g.query_id, g.gradient
FROM trackstar.query_gradient g
JOIN trackstar.query q USING (query_id)
WHERE g.encoding_id = %(encoding_id)s AND q.query_set_id = %(query_set_id)s
  AND NOT EXISTS (SELECT FROM trackstar.task_query t
                  WHERE t.task_id = %(task_id)s AND t.query_id = g.query_id)
ORDER BY g.query_id, g.block;
