-- Metrics of each run and judge by relation and frequency bucket, of trackstar.query_overview: what
-- trackstar.metric_heat_map is computed from, private.
CREATE OR REPLACE VIEW trackstar.live_metric_heat_map AS
SELECT o.run_id, judged.judge, o.relation_id, o.frequency_bucket, count(*) AS queries,
       avg(judged.reciprocal_rank) AS mrr, avg(judged.recall_at_10) AS recall_at_10,
       avg(judged.precision_at_10) AS precision_at_10,
       count(o.tail_patch_delta) AS tail_patch_queries, avg(o.tail_patch_delta) AS tail_patch_delta
FROM trackstar.query_overview o
CROSS JOIN LATERAL (VALUES
    ('annotation', o.reciprocal_rank IS NOT NULL, o.reciprocal_rank, o.recall_at_10, o.precision_at_10),
    ('ais', o.ais_reciprocal_rank IS NOT NULL, o.ais_reciprocal_rank, o.ais_recall_at_10, o.ais_precision_at_10),
    ('tail_patch', o.tail_patch_delta IS NOT NULL, NULL, NULL, NULL)
) judged (judge, is_judged, reciprocal_rank, recall_at_10, precision_at_10)
WHERE judged.is_judged
GROUP BY o.run_id, judged.judge, o.relation_id, o.frequency_bucket;

COMMENT ON VIEW trackstar.live_metric_heat_map IS 'What trackstar.metric_heat_map is computed from.';
