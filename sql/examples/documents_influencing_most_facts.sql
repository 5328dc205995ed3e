-- Which documents influence most facts, and how many of these do they state?
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT external_id, facts, stated_facts, best_rank, round(mean_score::numeric, 3) AS mean_influence, text
FROM tda.document_reach
JOIN parameter USING (run)
WHERE direction = 'proponent'
ORDER BY facts DESC, mean_score DESC, external_id
LIMIT 10;
