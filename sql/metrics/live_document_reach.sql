-- How many queries and facts each document is among the first ten for, in each run: what trackstar.document_reach is
-- computed from, private.
CREATE OR REPLACE VIEW trackstar.live_document_reach AS
SELECT p.run_id, p.direction, p.document_id, count(DISTINCT q.fact_id) AS facts,
       count(DISTINCT a.fact_id) AS stated_facts, count(*) AS queries, min(p.rank) AS best_rank,
       avg(p.influence) AS mean_score
FROM trackstar.proponent p
JOIN trackstar.document d ON d.document_id = p.document_id
JOIN trackstar.query q ON q.query_id = p.query_id
LEFT JOIN trackstar.annotation a ON a.fact_id = q.fact_id AND a.document_external_id = d.external_id
WHERE p.rank <= 10
GROUP BY p.run_id, p.direction, p.document_id;

COMMENT ON VIEW trackstar.live_document_reach IS 'What trackstar.document_reach is computed from.';
