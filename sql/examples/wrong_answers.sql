-- Where the model is wrong, which documents speak for the right answer?
-- A run traces the target. What speaks for the answer that the model gave instead: trackstar trace PROMPT ANSWER.
-- Needs what the model itself says: trackstar judge predictions.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    3::integer AS k       -- how many first proponents of a query count
)
SELECT said.prompt, said.greedy_answer, said.target, p.rank, round(p.influence::numeric, 3) AS influence,
       p.is_annotated, p.text
FROM tda.run
JOIN parameter USING (run)
JOIN tda.encoding USING (encoding)
JOIN tda.prediction said USING (model_digest, query_set)
JOIN tda.proponent p USING (run, query_id)
WHERE NOT said.is_correct AND p.direction = 'proponent' AND p.rank <= k
ORDER BY said.confidence DESC NULLS LAST, said.query_id, p.rank
LIMIT 30;
