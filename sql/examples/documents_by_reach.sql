-- Which documents are among the first ten proponents of most queries?
SELECT external_id, count(DISTINCT query_id) AS queries, round(avg(influence)::numeric, 3) AS mean_influence, text
FROM tda.proponent
WHERE run = 'demo' AND direction = 'proponent' AND rank <= 10
GROUP BY document_id, external_id, text
ORDER BY queries DESC, mean_influence DESC
LIMIT 10;
