-- Every run: one retrieval of proponents and opponents for a query set.
CREATE OR REPLACE VIEW tda.run AS
SELECT r.name AS run, r.method, e.name AS encoding, s.name AS query_set, r.top_k,
       r.query_count, r.document_count, r.code_version, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at)::double precision AS duration_seconds,
       t.name AS task, r.settings, r.ais_labeler, r.ais_threshold,
       step.optimizer AS tail_patch_optimizer, step.learning_rate AS tail_patch_learning_rate, r.run_id
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.encoding e USING (encoding_id)
LEFT JOIN trackstar.task t ON t.task_id = r.task_id
LEFT JOIN trackstar.tail_patch_step step ON step.tail_patch_step_id = r.tail_patch_step_id;

COMMENT ON VIEW tda.run IS 'Runs: one retrieval of proponents and opponents for every query of a set.';
COMMENT ON COLUMN tda.run.run IS 'Name of the run.';
COMMENT ON COLUMN tda.run.method IS 'The method, such as trackstar_train.';
COMMENT ON COLUMN tda.run.encoding IS
    'The encoding searched, the first where scores are averaged over several (settings); empty without gradients.';
COMMENT ON COLUMN tda.run.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.run.top_k IS 'Proponents, and opponents, kept for each query.';
COMMENT ON COLUMN tda.run.query_count IS 'Queries asked.';
COMMENT ON COLUMN tda.run.document_count IS 'Documents ranked for each query.';
COMMENT ON COLUMN tda.run.code_version IS 'Version of trackstar-db that made the run.';
COMMENT ON COLUMN tda.run.started_at IS 'When the run began.';
COMMENT ON COLUMN tda.run.finished_at IS 'When the run ended.';
COMMENT ON COLUMN tda.run.duration_seconds IS 'Seconds from start to end.';
COMMENT ON COLUMN tda.run.task IS 'The task whose R was used; empty for methods without a task-specific R.';
COMMENT ON COLUMN tda.run.settings IS 'The method''s settings as they were, and what else the run depended on, as JSON.';
COMMENT ON COLUMN tda.run.ais_labeler IS 'Whose entailment labels judge the run; empty for the mean over labelers.';
COMMENT ON COLUMN tda.run.ais_threshold IS 'Above this an entailment (AIS) score counts as entailed.';
COMMENT ON COLUMN tda.run.tail_patch_optimizer IS 'The step of the tail-patch that judges the run; empty if not judged.';
COMMENT ON COLUMN tda.run.tail_patch_learning_rate IS 'The learning rate of that step.';
COMMENT ON COLUMN tda.run.run_id IS 'The run''s number in this database.';
