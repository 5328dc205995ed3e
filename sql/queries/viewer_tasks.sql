-- How many queries of an imported run there are of each task, of one of every n.
SELECT coalesce(k.metadata ->> 'task', k.metadata ->> 'query_set', r.query_set) AS name, count(*) AS queries
FROM tda.run_query k
JOIN tda.run r ON r.run_id = k.run_id
WHERE k.run_id = %(run_id)s
  AND k.position = ANY (ARRAY(SELECT n + mod(n * 2654435761, 4294967296) * %(every)s::bigint / 4294967296
                              FROM generate_series(1, %(queries)s::bigint, %(every)s::bigint) n))
GROUP BY 1
ORDER BY 2 DESC, 1;
