-- What one training step on a proponent does to the target's probability.
CREATE OR REPLACE VIEW tda.tail_patch AS
SELECT run.name AS run, run.method, s.name AS query_set, q.query_id, q.fact_id, r.label AS relation,
       tda.frequency_bucket((SELECT max(frequency) FROM trackstar.fact_frequency ff
                             WHERE ff.fact_id = q.fact_id)) AS frequency_bucket,
       p.rank, p.document_id, step.optimizer, step.learning_rate, t.delta + 0 AS tail_patch_delta
FROM trackstar.run
JOIN trackstar.tail_patch_step step USING (tail_patch_step_id)
JOIN trackstar.proponent p ON p.run_id = run.run_id AND p.direction = 'proponent'
JOIN trackstar.tail_patch t
  ON t.tail_patch_step_id = run.tail_patch_step_id AND t.query_id = p.query_id AND t.document_id = p.document_id
JOIN trackstar.query q ON q.query_id = p.query_id
JOIN trackstar.query_set s ON s.query_set_id = q.query_set_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id;

COMMENT ON VIEW tda.tail_patch IS
    'Tail-patch: what one training step on a proponent changes, one row for each proponent of a run that was tried. '
    'Average over the proponents of each query, then over queries.';
COMMENT ON COLUMN tda.tail_patch.run IS 'Name of the run.';
COMMENT ON COLUMN tda.tail_patch.method IS 'The run''s method.';
COMMENT ON COLUMN tda.tail_patch.query_set IS 'Name of the query set.';
COMMENT ON COLUMN tda.tail_patch.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.tail_patch.fact_id IS 'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.tail_patch.relation IS 'Label of the fact''s relation.';
COMMENT ON COLUMN tda.tail_patch.frequency_bucket IS 'Bucket 0 to 5 of the fact''s frequency; empty if never counted.';
COMMENT ON COLUMN tda.tail_patch.rank IS 'Rank of the proponent; 1 is the strongest.';
COMMENT ON COLUMN tda.tail_patch.document_id IS 'The proponent, as in tda.document: the step was taken on it alone.';
COMMENT ON COLUMN tda.tail_patch.optimizer IS
    'The step''s optimizer: adam (with the checkpoint''s second moments), fresh_adam (without) or sgd.';
COMMENT ON COLUMN tda.tail_patch.learning_rate IS 'The step''s learning rate.';
COMMENT ON COLUMN tda.tail_patch.tail_patch_delta IS
    'Percentage points by which the step changed the probability of the whole target, given the prompt; above 0 the '
    'document makes it likelier.';
