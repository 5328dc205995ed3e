-- Which documents speak against answers that the model gets right, and what do they share with the question?
-- Needs what the model itself says: trackstar judge predictions.
WITH parameter AS NOT MATERIALIZED (SELECT
    'demo'::text AS run,  -- the run to look at
    1::integer AS k       -- how many first opponents of a query count
), known AS MATERIALIZED (
    SELECT query_id
    FROM tda.run
    JOIN parameter USING (run)
    JOIN tda.encoding USING (encoding)
    JOIN tda.prediction USING (model_digest, query_set)
    WHERE is_correct
), sharing AS MATERIALIZED (
    SELECT query_id, rank, kind
    FROM tda.proponent_explanation
    JOIN parameter USING (run)
    WHERE direction = 'opponent' AND rank <= k
), found AS MATERIALIZED (
    SELECT query_id, rank, prompt, target, influence, text
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'opponent' AND rank <= k
)
SELECT prompt, target, rank, round(influence::numeric, 3) AS influence, kind, text
FROM found
JOIN sharing USING (query_id, rank)
JOIN known USING (query_id)
ORDER BY found.influence, query_id
LIMIT 25;
