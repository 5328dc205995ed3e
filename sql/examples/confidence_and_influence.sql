-- Are answers that the model is sure of traced better, and do they stand on stronger proponents?
-- Needs what the model itself says: trackstar judge predictions.
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT width_bucket(said.confidence, 0, 1.0000001, 4) AS quarter,
       round(min(said.confidence)::numeric, 2) AS least_confidence,
       round(max(said.confidence)::numeric, 2) AS most_confidence,
       round(avg(said.is_correct::integer), 3) AS correct,
       round(avg(p.influence)::numeric, 3) AS mean_influence_of_first,
       round(avg(p.is_annotated::integer), 3) AS first_states_fact,
       count(*) AS queries
FROM tda.run
JOIN parameter USING (run)
JOIN tda.encoding USING (encoding)
JOIN tda.prediction said USING (model_digest, query_set)
JOIN tda.proponent p USING (run, query_id)
WHERE p.direction = 'proponent' AND p.rank = 1 AND said.confidence IS NOT NULL
GROUP BY quarter
ORDER BY quarter;
