-- The queries that each run asked, answered or not: private, the ground of every metric.
CREATE OR REPLACE VIEW trackstar.asked_query AS
SELECT asked.run_id, q.query_id, q.fact_id
FROM trackstar.run_query asked
JOIN trackstar.query q USING (query_id);

COMMENT ON VIEW trackstar.asked_query IS 'The queries that a run asked, answered or not, one row each.';
