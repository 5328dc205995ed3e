-- Which documents are among the first proponents of most queries?
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents of a query count
)
SELECT external_id, count(DISTINCT query_id) AS queries, round(avg(influence)::numeric, 3) AS mean_influence, text
FROM tda.proponent
JOIN parameter USING (run)
WHERE direction = 'proponent' AND rank <= k
GROUP BY document_id, external_id, text
ORDER BY queries DESC, mean_influence DESC, external_id
LIMIT 10;
