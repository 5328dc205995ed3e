-- Which documents influenced the prediction of one prompt most?
SELECT rank, influence, is_annotated, text
FROM tda.proponent
WHERE run = 'demo' AND prompt = 'The city that France has as its capital is' AND direction = 'proponent'
ORDER BY rank
LIMIT 5;
