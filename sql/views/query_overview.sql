-- Each query of each run on one row: what lists are sorted and filtered by.
CREATE OR REPLACE VIEW tda.query_overview AS
SELECT run.name AS run, run.method, s.name AS query_set, o.query_id, q.external_id, q.prompt, q.target, q.fact_id,
       r.label AS relation, o.fact_frequency, o.frequency_bucket + 0 AS frequency_bucket,
       o.has_annotated_document, o.position, o.proponents, o.confidence, o.is_correct,
       o.reciprocal_rank, o.recall_at_10, o.precision_at_10,
       o.best_ais_score, o.ais_reciprocal_rank, o.ais_recall_at_10,
       o.ais_precision_at_10, o.tail_patch_delta,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'query_overview') AS refreshed_at,
       o.run_id
FROM trackstar.query_overview o
JOIN trackstar.run ON run.run_id = o.run_id
JOIN trackstar.query q ON q.query_id = o.query_id
JOIN trackstar.query_set s ON s.query_set_id = q.query_set_id
LEFT JOIN trackstar.relation r ON r.relation_id = o.relation_id;

COMMENT ON VIEW tda.query_overview IS
    'Each query of each run with what is known of it, one row each, as of refreshed_at: what tda.query_metric, '
    'tda.prediction and tda.fact say, quickly. Among very many, name the run by its number: with run_id = '
    '(SELECT run_id FROM tda.run WHERE run = ''demo'') they come sorted from an index: by position, or by fact_frequency, '
    'confidence, reciprocal_rank or best_ais_score DESC NULLS LAST. Of imported results, what the record says comes first: '
    'frequency, bucket, annotated document, confidence, is_correct; and, where its fact is not loaded, which proponents '
    'are correct.';
COMMENT ON COLUMN tda.query_overview.run IS 'Name of the run.';
COMMENT ON COLUMN tda.query_overview.method IS 'The run''s method.';
COMMENT ON COLUMN tda.query_overview.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.query_overview.query_id IS 'Number of the query.';
COMMENT ON COLUMN tda.query_overview.external_id IS 'The query''s id in its source.';
COMMENT ON COLUMN tda.query_overview.prompt IS 'What the model is given.';
COMMENT ON COLUMN tda.query_overview.target IS 'What it should say.';
COMMENT ON COLUMN tda.query_overview.fact_id IS
    'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_overview.relation IS 'Label of the fact''s relation; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_overview.fact_frequency IS
    'Documents of the corpora that the run searched, or of one that is not in this database, that hold the fact by string '
    'matching: the largest count; empty if never counted.';
COMMENT ON COLUMN tda.query_overview.frequency_bucket IS 'Bucket 0 to 5 of fact_frequency.';
COMMENT ON COLUMN tda.query_overview.has_annotated_document IS
    'Whether a document of the corpora that the run searched states the fact, by its source; empty for queries that are '
    'no facts.';
COMMENT ON COLUMN tda.query_overview.position IS 'Place of the query in the run, from 1.';
COMMENT ON COLUMN tda.query_overview.proponents IS 'Proponents that the run has for it.';
COMMENT ON COLUMN tda.query_overview.confidence IS
    'Confidence of the prediction, from 0 to 1, by the run''s model, or the model asked last where it has none; empty '
    'without samples.';
COMMENT ON COLUMN tda.query_overview.is_correct IS 'Whether that prediction is right, as in tda.prediction.';
COMMENT ON COLUMN tda.query_overview.reciprocal_rank IS
    '1 / rank of the first proponent that states the fact by its source, 0 without one; empty for queries that are no '
    'facts. Its mean is the MRR.';
COMMENT ON COLUMN tda.query_overview.recall_at_10 IS
    '1 if any of the first ten proponents states the fact by its source, else 0; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_overview.precision_at_10 IS
    'Share of ten: first ten proponents that state the fact by their source; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_overview.best_ais_score IS
    'Highest entailment score among the proponents, from 0 to 1; empty if none was labelled.';
COMMENT ON COLUMN tda.query_overview.ais_reciprocal_rank IS
    'reciprocal_rank by entailment labels and the run''s threshold; empty if none was labelled.';
COMMENT ON COLUMN tda.query_overview.ais_recall_at_10 IS 'recall_at_10 likewise.';
COMMENT ON COLUMN tda.query_overview.ais_precision_at_10 IS 'precision_at_10 likewise.';
COMMENT ON COLUMN tda.query_overview.tail_patch_delta IS
    'Percentage points by which one training step on one of the first ten proponents changes the target''s probability: '
    'the mean over those tried; empty if none was.';
COMMENT ON COLUMN tda.query_overview.refreshed_at IS 'When this was computed.';
COMMENT ON COLUMN tda.query_overview.run_id IS 'Number of the run, as in tda.run.';
