-- How many queries of an imported run there are of each task, of all of them or of some.
SELECT coalesce(o.metadata ->> 'task', o.metadata ->> 'query_set', r.query_set) AS name, count(*) AS queries
FROM tda.run_query o
JOIN tda.run r ON r.run_id = o.run_id
WHERE o.run_id = %(run_id)s AND {sample}
GROUP BY 1
ORDER BY 2 DESC, 1;
