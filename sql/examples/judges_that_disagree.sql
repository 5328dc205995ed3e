-- Where do the source's annotations and the entailment labels disagree about a proponent?
-- Needs labels: trackstar judge entailment, or trackstar load labels.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents of a query count
)
SELECT prompt, target, rank, is_annotated, round(ais_score::numeric, 2) AS ais_score, text
FROM tda.proponent
JOIN parameter USING (run)
WHERE direction = 'proponent' AND rank <= k AND is_annotated <> is_entailed
ORDER BY abs(ais_score - is_annotated::integer) DESC, query_id, rank
LIMIT 25;
