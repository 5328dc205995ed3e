-- The answer: every proponent and opponent of every run, with all that is known about the pair.
CREATE OR REPLACE VIEW tda.proponent AS
SELECT run.name AS run, run.method, s.name AS query_set, q.query_id, q.prompt, q.target,
       q.fact_id, r.label AS relation,
       tda.frequency_bucket((SELECT max(frequency) FROM trackstar.fact_frequency ff
                             WHERE ff.fact_id = q.fact_id)) AS frequency_bucket,
       p.direction, p.rank, CASE WHEN m.kind IN ('gradient', 'curvature') THEN p.influence END AS influence,
       d.document_id, d.external_id, d.text,
       CASE WHEN q.fact_id IS NOT NULL
            THEN EXISTS (SELECT FROM trackstar.annotation a
                         WHERE a.fact_id = q.fact_id AND a.document_external_id = d.external_id) END AS is_annotated,
       ais.score AS ais_score, tda.is_entailed(ais.score, run.ais_threshold) AS is_entailed,
       c.name AS corpus, p.influence AS score, patch.delta + 0 AS tail_patch_delta
FROM trackstar.proponent p
JOIN trackstar.run run USING (run_id)
LEFT JOIN trackstar.method m ON m.name = run.method
JOIN trackstar.query q USING (query_id)
JOIN trackstar.query_set s ON s.query_set_id = q.query_set_id
JOIN trackstar.document d ON d.document_id = p.document_id
JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
LEFT JOIN trackstar.tail_patch patch ON patch.tail_patch_step_id = run.tail_patch_step_id
     AND patch.query_id = p.query_id AND patch.document_id = p.document_id
LEFT JOIN LATERAL (SELECT avg(l.score) AS score FROM trackstar.entailment_label l
                   WHERE l.document_id = p.document_id AND (l.fact_id = q.fact_id OR l.query_id = q.query_id)
                     AND (run.ais_labeler IS NULL OR l.labeler = run.ais_labeler)) ais ON true;

COMMENT ON VIEW tda.proponent IS
    'Proponents (highest influence) and opponents (lowest) of every query of every run, one row each.';
COMMENT ON COLUMN tda.proponent.run IS 'Name of the run.';
COMMENT ON COLUMN tda.proponent.method IS 'The run''s method.';
COMMENT ON COLUMN tda.proponent.query_set IS 'Name of the query set.';
COMMENT ON COLUMN tda.proponent.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.proponent.prompt IS 'The query''s prompt.';
COMMENT ON COLUMN tda.proponent.target IS 'The query''s target: the prediction that is traced.';
COMMENT ON COLUMN tda.proponent.fact_id IS 'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.proponent.relation IS 'Label of the fact''s relation.';
COMMENT ON COLUMN tda.proponent.frequency_bucket IS 'Bucket 0 to 5 of the fact''s frequency; empty if never counted.';
COMMENT ON COLUMN tda.proponent.direction IS 'proponent or opponent.';
COMMENT ON COLUMN tda.proponent.rank IS '1 is the strongest in its direction.';
COMMENT ON COLUMN tda.proponent.influence IS
    'Influence by the run''s method: above 0 the document made the target likelier. In unit norm a cosine, from -1 to 1; '
    'empty for methods without gradients.';
COMMENT ON COLUMN tda.proponent.document_id IS 'The document, as in tda.document.';
COMMENT ON COLUMN tda.proponent.external_id IS 'The document''s id in its source.';
COMMENT ON COLUMN tda.proponent.corpus IS 'Name of the document''s corpus.';
COMMENT ON COLUMN tda.proponent.text IS 'The document''s text.';
COMMENT ON COLUMN tda.proponent.is_annotated IS
    'Whether the source says that the document states the fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.proponent.ais_score IS
    'Entailment score from 0 to 1 by the labeler that judges the run, else the mean over labelers; empty if the pair was '
    'never labelled.';
COMMENT ON COLUMN tda.proponent.is_entailed IS 'Whether ais_score is above the run''s threshold (tda.run).';
COMMENT ON COLUMN tda.proponent.score IS
    'What the run''s method ranked by: the influence, or for methods without gradients their own score.';
COMMENT ON COLUMN tda.proponent.tail_patch_delta IS
    'Change of the target''s probability after one training step on the document, in percentage points; empty if not '
    'measured.';
