-- Proponents
-- Visualization: Table
-- Variables: run, relation, each of type text
SELECT relation, prompt, target, rank, score, is_annotated, tail_patch_delta, text FROM (
-- Which documents influenced each prediction most?
SELECT run, relation, frequency_bucket, prompt, target, rank, score, is_annotated, ais_score, tail_patch_delta,
       external_id AS document, text
FROM tda.proponent
WHERE direction = 'proponent' AND rank <= 10
) AS panel
WHERE true
  [[AND run = {{run}}]]
  [[AND relation = {{relation}}]]
ORDER BY prompt, rank
