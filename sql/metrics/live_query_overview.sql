-- Each query of each run on one row: what trackstar.query_overview is computed from, private. Of frequencies and
-- annotations it takes those in corpora that the run searched, and none that its readers may not read. What an imported
-- record says itself comes first.
CREATE OR REPLACE VIEW trackstar.live_query_overview AS
SELECT asked.run_id, asked.query_id, asked.position,
       coalesce(f.relation_id, (SELECT min(r.relation_id) FROM trackstar.relation r WHERE r.label = record.relation))
           AS relation_id,
       coalesce(record.fact_frequency, frequency.frequency) AS fact_frequency,
       coalesce(record.frequency_bucket, tda.frequency_bucket(coalesce(record.fact_frequency, frequency.frequency)))
           AS frequency_bucket,
       CASE WHEN record.has_annotated_document IS NOT NULL THEN record.has_annotated_document
            WHEN q.fact_id IS NOT NULL THEN annotated.fact_id IS NOT NULL END AS has_annotated_document,
       coalesce(found.proponents, 0) AS proponents,
       coalesce(record.confidence, said.confidence) AS confidence,
       coalesce(record.is_correct, said.is_correct) AS is_correct,
       CASE WHEN judged.is_judged
            THEN coalesce(1 / judged.first_correct_rank::double precision, 0) END AS reciprocal_rank,
       CASE WHEN judged.is_judged
            THEN (coalesce(judged.first_correct_rank, 11) <= 10)::integer::double precision END AS recall_at_10,
       CASE WHEN judged.is_judged
            THEN coalesce(judged.correct_in_ten, 0) / 10::double precision END AS precision_at_10,
       ais.best_ais_score,
       CASE WHEN ais.query_id IS NOT NULL
            THEN coalesce(1 / ais.first_correct_rank::double precision, 0) END AS ais_reciprocal_rank,
       CASE WHEN ais.query_id IS NOT NULL
            THEN (coalesce(ais.first_correct_rank, 11) <= 10)::integer::double precision END AS ais_recall_at_10,
       CASE WHEN ais.query_id IS NOT NULL THEN ais.correct_in_ten / 10::double precision END AS ais_precision_at_10,
       patch.delta AS tail_patch_delta
FROM trackstar.run_query asked
JOIN trackstar.run run ON run.run_id = asked.run_id
LEFT JOIN trackstar.encoding e ON e.encoding_id = run.encoding_id
JOIN trackstar.query q ON q.query_id = asked.query_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN (SELECT r.run_id, ff.fact_id, max(ff.frequency) AS frequency
           FROM trackstar.run r
           CROSS JOIN trackstar.fact_frequency ff
           LEFT JOIN trackstar.corpus c ON c.name = ff.corpus_name
           WHERE c.corpus_id IS NULL
              OR (r.run_id, c.corpus_id) IN (SELECT s.run_id, s.corpus_id FROM trackstar.run_corpus s)
           GROUP BY r.run_id, ff.fact_id) frequency
    ON frequency.run_id = asked.run_id AND frequency.fact_id = q.fact_id
LEFT JOIN (SELECT DISTINCT s.run_id, a.fact_id
           FROM trackstar.annotation a
           JOIN trackstar.document d ON d.external_id = a.document_external_id
           JOIN trackstar.run_corpus s ON s.corpus_id = d.corpus_id) annotated
    ON annotated.run_id = asked.run_id AND annotated.fact_id = q.fact_id
LEFT JOIN (SELECT p.run_id, p.query_id, count(*) AS proponents
           FROM trackstar.proponent p
           WHERE p.direction = 'proponent'
           GROUP BY p.run_id, p.query_id) found
    ON found.run_id = asked.run_id AND found.query_id = asked.query_id
LEFT JOIN (SELECT v.run_id, v.query_id, min(v.rank) AS first_correct_rank,
                  count(*) FILTER (WHERE v.rank <= 10) AS correct_in_ten
           FROM trackstar.proponent_verdict v
           WHERE v.judge = 'annotation'
           GROUP BY v.run_id, v.query_id) annotation
    ON annotation.run_id = asked.run_id AND annotation.query_id = asked.query_id
LEFT JOIN (SELECT scored.run_id, scored.query_id, max(scored.score) AS best_ais_score,
                  min(scored.rank) FILTER (WHERE scored.is_correct) AS first_correct_rank,
                  count(*) FILTER (WHERE scored.is_correct AND scored.rank <= 10) AS correct_in_ten
           FROM (SELECT labelled.run_id, labelled.query_id, labelled.rank, avg(labelled.score) AS score,
                        tda.is_entailed(avg(labelled.score), r.ais_threshold) AS is_correct
                 FROM trackstar.labelled_proponent labelled
                 JOIN trackstar.run r ON r.run_id = labelled.run_id
                 GROUP BY labelled.run_id, labelled.query_id, labelled.rank, r.ais_threshold) scored
           GROUP BY scored.run_id, scored.query_id) ais
    ON ais.run_id = asked.run_id AND ais.query_id = asked.query_id
LEFT JOIN (SELECT p.run_id, p.query_id, avg(t.delta) AS delta
           FROM trackstar.proponent p
           JOIN trackstar.run r ON r.run_id = p.run_id
           JOIN trackstar.tail_patch t ON t.tail_patch_step_id = r.tail_patch_step_id AND t.query_id = p.query_id
                AND t.document_id = p.document_id
           WHERE p.direction = 'proponent' AND p.rank <= 10
           GROUP BY p.run_id, p.query_id) patch
    ON patch.run_id = asked.run_id AND patch.query_id = asked.query_id
LEFT JOIN LATERAL (SELECT p.confidence, p.is_correct
                   FROM trackstar.prediction p
                   WHERE p.query_id = asked.query_id AND (p.model_id = e.model_id OR e.model_id IS NULL)
                   ORDER BY p.predicted_at DESC, p.model_id
                   LIMIT 1) said ON true
LEFT JOIN LATERAL tda.imported_record(asked.metadata::jsonb) record ON asked.metadata IS NOT NULL
CROSS JOIN LATERAL (
    SELECT q.fact_id IS NOT NULL OR record.correct_in_ten IS NOT NULL AS is_judged,
           CASE WHEN q.fact_id IS NOT NULL THEN annotation.first_correct_rank ELSE record.first_correct_rank END
               AS first_correct_rank,
           CASE WHEN q.fact_id IS NOT NULL THEN annotation.correct_in_ten ELSE record.correct_in_ten END
               AS correct_in_ten
) judged;

COMMENT ON VIEW trackstar.live_query_overview IS 'What trackstar.query_overview is computed from.';
