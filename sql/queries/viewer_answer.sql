-- What was asked, with the queries beside it in the run's order, and what an imported record says beyond the tables.
SELECT q.query_id, q.external_id, q.prompt, q.target, q.fact_id, k.position,
       coalesce(k.metadata, '{{}}') AS metadata,
       (SELECT b.query_id FROM tda.run_query b WHERE b.run = k.run AND b.position = k.position - 1) AS before,
       (SELECT a.query_id FROM tda.run_query a WHERE a.run = k.run AND a.position = k.position + 1) AS after
FROM tda.run_query k
JOIN tda.query q ON q.query_id = k.query_id
WHERE k.run = %(run)s AND k.query_id = %(query_id)s;
