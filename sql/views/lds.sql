-- Linear datamodeling scores: how far a run's scores foretell retraining.
CREATE OR REPLACE VIEW tda.lds AS
SELECT t.name AS retraining, r.name AS run, r.method, c.name AS corpus, s.name AS query_set,
       l.value AS lds, l.low AS lds_low, l.high AS lds_high, l.subsets, l.queries,
       (t.settings ->> 'fraction')::double precision AS fraction, l.evaluated_at
FROM trackstar.lds l
JOIN trackstar.retraining t USING (retraining_id)
JOIN trackstar.run r USING (run_id)
JOIN trackstar.corpus c ON c.corpus_id = t.corpus_id
JOIN trackstar.query_set s ON s.query_set_id = t.query_set_id;

COMMENT ON VIEW tda.lds IS
    'Linear datamodeling scores (LDS): how far summed scores foretell what models retrained on subsets say.';
COMMENT ON COLUMN tda.lds.retraining IS 'Name of the retraining: a model trained again on random subsets of a corpus.';
COMMENT ON COLUMN tda.lds.run IS 'Name of the run whose scores are judged.';
COMMENT ON COLUMN tda.lds.method IS 'The run''s method.';
COMMENT ON COLUMN tda.lds.corpus IS 'The corpus that subsets were drawn from.';
COMMENT ON COLUMN tda.lds.query_set IS 'The query set that the retrained models answered.';
COMMENT ON COLUMN tda.lds.lds IS
    'Spearman''s correlation, over subsets, of the summed scores of their documents with the retrained model''s '
    'log-probability of the target; the mean over queries, from -1 to 1.';
COMMENT ON COLUMN tda.lds.lds_low IS 'Lower end of the 95 % bootstrap interval over queries.';
COMMENT ON COLUMN tda.lds.lds_high IS 'Upper end of the 95 % bootstrap interval over queries.';
COMMENT ON COLUMN tda.lds.subsets IS 'Subsets that a model was trained on.';
COMMENT ON COLUMN tda.lds.queries IS 'Queries behind the mean.';
COMMENT ON COLUMN tda.lds.fraction IS 'Share of the corpus''s documents in each subset.';
COMMENT ON COLUMN tda.lds.evaluated_at IS 'When it was computed.';
