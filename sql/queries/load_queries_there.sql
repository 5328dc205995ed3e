-- Which of some queries are loaded, by query set.
SELECT q.external_id, s.name, q.query_id
FROM trackstar.query q
JOIN trackstar.query_set s USING (query_set_id)
WHERE q.external_id = ANY(%(keys)s);
