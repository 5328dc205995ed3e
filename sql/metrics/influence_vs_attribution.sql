-- Do documents that state a fact also make the model say it? Attribution and influence of each run, and the
-- tail-patch of the proponents that a judge calls correct beside that of the others.
CREATE OR REPLACE VIEW tda.influence_vs_attribution AS
SELECT m.run, m.method, m.judge, m.query_set, count(*) AS queries,
       avg(m.reciprocal_rank) AS mrr, avg(m.recall_at_10) AS recall_at_10,
       count(m.tail_patch_delta) AS tail_patch_queries, avg(m.tail_patch_delta) AS tail_patch_delta,
       sum(tried.correct_delta) / nullif(sum(tried.correct), 0)::double precision AS tail_patch_of_correct,
       sum(tried.correct)::bigint AS correct_proponents,
       sum(tried.incorrect_delta) / nullif(sum(tried.incorrect), 0)::double precision AS tail_patch_of_incorrect,
       sum(tried.incorrect)::bigint AS incorrect_proponents
FROM tda.query_metric m
JOIN trackstar.run ON run.name = m.run
CROSS JOIN LATERAL (
    SELECT sum(t.delta) FILTER (WHERE correct.document_id IS NOT NULL) AS correct_delta,
           count(*) FILTER (WHERE correct.document_id IS NOT NULL) AS correct,
           sum(t.delta) FILTER (WHERE correct.document_id IS NULL) AS incorrect_delta,
           count(*) FILTER (WHERE correct.document_id IS NULL) AS incorrect
    FROM trackstar.proponent p
    JOIN trackstar.tail_patch t ON t.query_id = p.query_id AND t.document_id = p.document_id
    LEFT JOIN (SELECT v.document_id
               FROM trackstar.proponent_verdict v
               WHERE v.run_id = run.run_id AND v.query_id = m.query_id AND v.judge = m.judge AND v.is_correct) correct
        ON correct.document_id = p.document_id
    WHERE p.run_id = run.run_id AND p.query_id = m.query_id AND p.direction = 'proponent' AND p.rank <= 10
      AND t.tail_patch_step_id = run.tail_patch_step_id
) tried
WHERE m.judge <> 'tail_patch'
GROUP BY m.run, m.method, m.judge, m.query_set;

COMMENT ON VIEW tda.influence_vs_attribution IS
    'Does stating a fact go with raising its probability? One row for each run and judge: attribution, influence, and '
    'the tail-patch of correct and incorrect proponents among the first ten.';
COMMENT ON COLUMN tda.influence_vs_attribution.run IS 'Name of the run.';
COMMENT ON COLUMN tda.influence_vs_attribution.method IS 'The run''s method.';
COMMENT ON COLUMN tda.influence_vs_attribution.judge IS
    'Who says which proponents are correct: annotation or ais; see tda.query_metric.';
COMMENT ON COLUMN tda.influence_vs_attribution.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.influence_vs_attribution.queries IS 'Queries behind mrr and recall_at_10.';
COMMENT ON COLUMN tda.influence_vs_attribution.mrr IS 'Mean reciprocal rank of the first correct proponent.';
COMMENT ON COLUMN tda.influence_vs_attribution.recall_at_10 IS
    'Share of queries with a correct one among the first ten proponents: a success rate.';
COMMENT ON COLUMN tda.influence_vs_attribution.tail_patch_queries IS 'Queries behind tail_patch_delta.';
COMMENT ON COLUMN tda.influence_vs_attribution.tail_patch_delta IS
    'Mean tail-patch over queries, in percentage points, as in tda.method_comparison.';
COMMENT ON COLUMN tda.influence_vs_attribution.tail_patch_of_correct IS
    'Mean tail-patch of the correct ones among the first ten proponents, in percentage points, each proponent once.';
COMMENT ON COLUMN tda.influence_vs_attribution.correct_proponents IS 'Proponents behind tail_patch_of_correct.';
COMMENT ON COLUMN tda.influence_vs_attribution.tail_patch_of_incorrect IS
    'Mean tail-patch of the others among the first ten proponents, in percentage points.';
COMMENT ON COLUMN tda.influence_vs_attribution.incorrect_proponents IS 'Proponents behind tail_patch_of_incorrect.';
