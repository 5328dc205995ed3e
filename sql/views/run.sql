-- Every run: one retrieval of proponents and opponents for a query set.
CREATE OR REPLACE VIEW tda.run AS
SELECT r.name AS run, r.method, e.name AS encoding, s.name AS query_set, r.top_k,
       r.query_count, r.document_count, r.code_version, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at)::double precision AS duration_seconds
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.encoding e USING (encoding_id);

COMMENT ON VIEW tda.run IS 'Runs: one retrieval of proponents and opponents for every query of a set.';
COMMENT ON COLUMN tda.run.run IS 'Name of the run.';
COMMENT ON COLUMN tda.run.method IS 'The method, such as trackstar_train.';
COMMENT ON COLUMN tda.run.encoding IS 'The encoding searched.';
COMMENT ON COLUMN tda.run.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.run.top_k IS 'Proponents, and opponents, kept for each query.';
COMMENT ON COLUMN tda.run.query_count IS 'Queries asked.';
COMMENT ON COLUMN tda.run.document_count IS 'Documents ranked for each query.';
COMMENT ON COLUMN tda.run.code_version IS 'Version of trackstar-db that made the run.';
COMMENT ON COLUMN tda.run.started_at IS 'When the run began.';
COMMENT ON COLUMN tda.run.finished_at IS 'When the run ended.';
COMMENT ON COLUMN tda.run.duration_seconds IS 'Seconds from start to end.';
