-- Where any two runs agree, by relation and frequency bucket.
CREATE OR REPLACE VIEW tda.agreement_heat_map AS
SELECT run.name AS run, run.method, other.name AS other_run, other.method AS other_method, s.name AS query_set,
       r.label AS relation, pair.frequency_bucket + 0 AS frequency_bucket, pair.queries, pair.overlap, pair.same_first,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'method_agreement') AS refreshed_at
FROM (SELECT sides.run_id, sides.other_run_id, cell.relation_id, cell.frequency_bucket, cell.queries, cell.overlap,
             cell.same_first
      FROM trackstar.method_agreement cell
      CROSS JOIN LATERAL (VALUES (cell.run_id, cell.other_run_id), (cell.other_run_id, cell.run_id)
                         ) sides (run_id, other_run_id)) pair
JOIN trackstar.run ON run.run_id = pair.run_id
JOIN trackstar.run other ON other.run_id = pair.other_run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id
LEFT JOIN trackstar.relation r ON r.relation_id = pair.relation_id;

COMMENT ON VIEW tda.agreement_heat_map IS
    'Where two runs agree: tda.query_agreement averaged over relation by frequency bucket, one row for each pair of runs '
    'over the same query set, from each side, and cell; as of refreshed_at.';
COMMENT ON COLUMN tda.agreement_heat_map.run IS 'Name of one run.';
COMMENT ON COLUMN tda.agreement_heat_map.method IS 'Its method.';
COMMENT ON COLUMN tda.agreement_heat_map.other_run IS 'Name of the other run.';
COMMENT ON COLUMN tda.agreement_heat_map.other_method IS 'Its method.';
COMMENT ON COLUMN tda.agreement_heat_map.query_set IS 'The query set that both asked.';
COMMENT ON COLUMN tda.agreement_heat_map.relation IS
    'Label of the facts'' relation; empty for queries that are no facts.';
COMMENT ON COLUMN tda.agreement_heat_map.frequency_bucket IS
    'Bucket 0 to 5 of the facts'' frequency in the corpora that the run of the lower run_id searched, as in '
    'tda.query_overview; empty where it was never counted.';
COMMENT ON COLUMN tda.agreement_heat_map.queries IS 'Queries that both asked and at least one answered.';
COMMENT ON COLUMN tda.agreement_heat_map.overlap IS
    'Mean share, from 0 to 1, of the documents that the first ten proponents of both have in common.';
COMMENT ON COLUMN tda.agreement_heat_map.same_first IS
    'Share of the queries for which both have the same document at rank 1.';
COMMENT ON COLUMN tda.agreement_heat_map.refreshed_at IS 'When this was computed.';
