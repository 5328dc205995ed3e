-- How far any two runs agree: trackstar.method_agreement over all.
CREATE OR REPLACE VIEW tda.method_agreement AS
SELECT run.name AS run, run.method, other.name AS other_run, other.method AS other_method, s.name AS query_set,
       pair.queries, pair.overlap, pair.same_first,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'method_agreement') AS refreshed_at
FROM (SELECT sides.run_id, sides.other_run_id, whole.queries, whole.overlap, whole.same_first
      FROM (SELECT a.run_id, a.other_run_id, sum(a.queries)::bigint AS queries,
                   sum(a.overlap * a.queries) / sum(a.queries)::double precision AS overlap,
                   sum(a.same_first * a.queries) / sum(a.queries)::double precision AS same_first
            FROM trackstar.method_agreement a
            GROUP BY a.run_id, a.other_run_id) whole
      CROSS JOIN LATERAL (VALUES (whole.run_id, whole.other_run_id), (whole.other_run_id, whole.run_id)
                         ) sides (run_id, other_run_id)) pair
JOIN trackstar.run ON run.run_id = pair.run_id
JOIN trackstar.run other ON other.run_id = pair.other_run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id;

COMMENT ON VIEW tda.method_agreement IS
    'How far any two runs over the same query set agree: tda.query_agreement averaged, one row for each pair, from each '
    'side, as of refreshed_at.';
COMMENT ON COLUMN tda.method_agreement.run IS 'Name of one run.';
COMMENT ON COLUMN tda.method_agreement.method IS 'Its method.';
COMMENT ON COLUMN tda.method_agreement.other_run IS 'Name of the other run.';
COMMENT ON COLUMN tda.method_agreement.other_method IS 'Its method.';
COMMENT ON COLUMN tda.method_agreement.query_set IS 'The query set that both asked.';
COMMENT ON COLUMN tda.method_agreement.queries IS 'Queries that both asked and at least one answered.';
COMMENT ON COLUMN tda.method_agreement.overlap IS
    'Mean share, from 0 to 1, of the documents that the first ten proponents of both have in common.';
COMMENT ON COLUMN tda.method_agreement.same_first IS
    'Share of the queries for which both have the same document at rank 1.';
COMMENT ON COLUMN tda.method_agreement.refreshed_at IS 'When this was computed.';
