-- Which documents influenced the prediction of one prompt most?
SELECT rank, influence, is_annotated, text
FROM tda.proponent
WHERE run = 'demo' AND prompt = 'The name of the capital of France is' AND direction = 'proponent'
ORDER BY rank
LIMIT 10;
