-- What models themselves say to the queries.
CREATE OR REPLACE VIEW tda.prediction AS
SELECT m.name AS model, s.name AS query_set, q.query_id, q.prompt, q.target, q.fact_id, p.greedy_answer, p.samples,
       p.confidence, p.target_probability, p.alternatives, p.is_correct, p.predicted_at,
       encode(m.content_digest, 'hex') AS model_digest
FROM trackstar.prediction p
JOIN trackstar.model m USING (model_id)
JOIN trackstar.query q USING (query_id)
JOIN trackstar.query_set s USING (query_set_id);

COMMENT ON VIEW tda.prediction IS 'What a model says to a query: answers, confidence, correctness; one row for each pair.';
COMMENT ON COLUMN tda.prediction.model IS 'The model asked: its folder when it was first used, or its name on the hub.';
COMMENT ON COLUMN tda.prediction.query_set IS 'Name of the query set.';
COMMENT ON COLUMN tda.prediction.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.prediction.prompt IS 'What the model was given.';
COMMENT ON COLUMN tda.prediction.target IS 'The query''s target.';
COMMENT ON COLUMN tda.prediction.fact_id IS 'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.prediction.greedy_answer IS 'What greedy decoding says after the prompt.';
COMMENT ON COLUMN tda.prediction.samples IS 'Answers drawn at temperature 1.';
COMMENT ON COLUMN tda.prediction.confidence IS
    'Share of the samples, from 0 to 1, that begin with the target or an alias of it; empty without samples.';
COMMENT ON COLUMN tda.prediction.target_probability IS
    'Probability of the whole target, given the prompt, from 0 to 1.';
COMMENT ON COLUMN tda.prediction.alternatives IS
    'Multiple choice: the probability of each alternative given the prompt, as JSON; empty for other queries.';
COMMENT ON COLUMN tda.prediction.is_correct IS
    'Multiple choice: whether the target is likelier than each alternative. Facts: whether the greedy answer begins '
    'with the object or an alias of it. Queries with a ground truth: whether it begins with that. Else empty: free '
    'text has no right answer.';
COMMENT ON COLUMN tda.prediction.predicted_at IS 'When the model was asked.';
COMMENT ON COLUMN tda.prediction.model_digest IS 'SHA-256 over the model''s files, as in tda.encoding: join the two by it.';
