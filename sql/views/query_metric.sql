-- How each query of each run fares before each judge: the one source of every mean and interval.
-- Built of small lookups by index, query by query: it is as fast without statistics and with a filter on anything.
CREATE OR REPLACE VIEW tda.query_metric AS
SELECT run.name AS run, run.method, s.name AS query_set, asked.query_id, asked.fact_id, r.label AS relation,
       tda.frequency_bucket((SELECT max(frequency) FROM trackstar.fact_frequency ff
                             WHERE ff.fact_id = asked.fact_id)) AS frequency_bucket,
       judge.judge,
       CASE WHEN judge.judge <> 'tail_patch'
            THEN (coalesce(verdict.first_correct_rank, 11) <= 10)::integer::double precision END AS recall_at_10,
       CASE WHEN judge.judge <> 'tail_patch'
            THEN coalesce(1 / verdict.first_correct_rank::double precision, 0) END AS reciprocal_rank,
       CASE WHEN judge.judge <> 'tail_patch'
            THEN verdict.correct_in_ten / 10::double precision END AS precision_at_10,
       CASE WHEN judge.judge <> 'tail_patch' THEN verdict.correct_proponents END AS correct_proponents,
       verdict.first_correct_rank,
       tail_patch.delta AS tail_patch_delta,
       tail_patch.proponents AS tail_patch_proponents
FROM trackstar.run
JOIN trackstar.query_set s USING (query_set_id)
JOIN trackstar.asked_query asked USING (run_id)
LEFT JOIN trackstar.fact f USING (fact_id)
LEFT JOIN trackstar.relation r USING (relation_id)
CROSS JOIN LATERAL (
    SELECT avg(t.delta) AS delta, count(*) AS proponents
    FROM trackstar.proponent p
    JOIN trackstar.tail_patch t ON t.query_id = p.query_id AND t.document_id = p.document_id
    WHERE p.run_id = run.run_id AND p.query_id = asked.query_id AND p.direction = 'proponent' AND p.rank <= 10
      AND t.tail_patch_step_id = run.tail_patch_step_id
) tail_patch
CROSS JOIN (VALUES ('annotation'), ('ais'), ('tail_patch')) judge(judge)
CROSS JOIN LATERAL (
    SELECT count(*) AS judged,
           count(*) FILTER (WHERE v.is_correct) AS correct_proponents,
           count(*) FILTER (WHERE v.is_correct AND v.rank <= 10) AS correct_in_ten,
           min(v.rank) FILTER (WHERE v.is_correct) AS first_correct_rank
    FROM trackstar.proponent_verdict v
    WHERE v.run_id = run.run_id AND v.query_id = asked.query_id AND v.judge = judge.judge
) verdict
WHERE CASE judge.judge
      WHEN 'annotation' THEN asked.fact_id IS NOT NULL
      WHEN 'ais' THEN verdict.judged > 0
      ELSE tail_patch.proponents > 0 END;

COMMENT ON VIEW tda.query_metric IS
    'How each query fares under each run and judge, one row each; average it, grouped by what you like. Every query '
    'that the run asked counts, with 0 where it found nothing correct.';
COMMENT ON COLUMN tda.query_metric.run IS 'Name of the run.';
COMMENT ON COLUMN tda.query_metric.method IS 'The run''s method.';
COMMENT ON COLUMN tda.query_metric.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.query_metric.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.query_metric.fact_id IS
    'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_metric.relation IS 'Label of the fact''s relation.';
COMMENT ON COLUMN tda.query_metric.frequency_bucket IS
    'Bucket 0 to 5 of the fact''s frequency; empty if never counted.';
COMMENT ON COLUMN tda.query_metric.judge IS
    'Who says which proponents are correct. annotation: the source, for queries of facts. ais: entailment labels above '
    'the run''s threshold, for queries with a labelled proponent; unlabelled ones are not correct. '
    'tail_patch: nobody, for all queries with a tail-patch, facts or not.';
COMMENT ON COLUMN tda.query_metric.recall_at_10 IS
    '1 if any of the first ten proponents is correct, else 0: a success rate, and no share of the correct documents.';
COMMENT ON COLUMN tda.query_metric.reciprocal_rank IS
    '1 / rank of the first correct proponent, 0 without one among those stored; its mean is the MRR.';
COMMENT ON COLUMN tda.query_metric.precision_at_10 IS 'Correct ones among the first ten proponents, over ten.';
COMMENT ON COLUMN tda.query_metric.correct_proponents IS 'Correct ones among all stored proponents.';
COMMENT ON COLUMN tda.query_metric.first_correct_rank IS 'Rank of the first correct proponent; empty without one.';
COMMENT ON COLUMN tda.query_metric.tail_patch_delta IS
    'Percentage points by which the target''s probability changes after one training step on one proponent: the mean '
    'over those of the first ten that were tried; empty if none was.';
COMMENT ON COLUMN tda.query_metric.tail_patch_proponents IS 'Proponents behind tail_patch_delta, ten at most.';
