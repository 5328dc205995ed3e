-- For which facts does a run find none of the documents that state them, although there are some?
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT q.prompt, q.target, q.relation, f.annotated_documents, p.text AS first_proponent
FROM tda.query_metric m
JOIN parameter USING (run)
JOIN tda.query q USING (query_id)
JOIN tda.fact f ON f.fact_id = m.fact_id
LEFT JOIN tda.proponent p ON p.run = m.run AND p.query_id = m.query_id AND p.direction = 'proponent' AND p.rank = 1
WHERE m.judge = 'annotation' AND m.correct_proponents = 0 AND f.annotated_documents > 0
ORDER BY f.annotated_documents DESC, q.query_id
LIMIT 25;
