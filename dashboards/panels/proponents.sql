-- Which documents influenced each prediction most?
SELECT run, relation, frequency_bucket, prompt, target, rank, score, is_annotated, ais_score, tail_patch_delta,
       external_id AS document, text
FROM tda.proponent
WHERE direction = 'proponent' AND rank <= 10
