-- The number of a query of a run, by its id in its source.
SELECT q.query_id
FROM tda.run r
JOIN tda.query q ON q.query_set = r.query_set AND q.external_id = %(external_id)s
JOIN tda.run_query k ON k.run = r.run AND k.query_id = q.query_id
WHERE r.run = %(run)s;
