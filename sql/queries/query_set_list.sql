-- Every query set with its size, how many of its queries ask for facts, and who uses it.
SELECT s.name AS query_set, count(q.query_id) AS queries, count(q.fact_id) AS of_facts,
       (SELECT count(*) FROM trackstar.run r WHERE r.query_set_id = s.query_set_id) AS runs, s.created_at
FROM trackstar.query_set s
LEFT JOIN trackstar.query q USING (query_set_id)
GROUP BY s.query_set_id
ORDER BY s.name;
