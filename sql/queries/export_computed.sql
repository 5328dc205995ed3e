-- The records of a run that was made here, a column for each field of the data release's format, empty where unknown.
SELECT q.external_id AS example_id, s.name AS query_set, q.prompt AS inputs_plaintext, q.target AS targets_plaintext,
       p.texts AS proponents, p.external_ids AS proponent_ids, p.scores AS proponent_scores,
       CASE WHEN signed.has_opponents THEN o.texts END AS opponents,
       CASE WHEN signed.has_opponents THEN o.external_ids END AS opponent_ids,
       CASE WHEN signed.has_opponents THEN o.scores END AS opponent_scores,
       q.fact_id, r.label AS relation,
       said.samples AS "8b_generations", said.confidence AS "8b_confidence",
       fact.frequency AS c4_frequency, tda.frequency_bucket(fact.frequency) AS c4_frequency_bucket,
       fact.has_sentence AS has_trex_sentence,
       judged.are_annotated AS proponent_correct, judged.ais_scores AS proponent_ais_scores,
       CASE WHEN q.fact_id IS NULL THEN said.is_correct END AS is_8b_correct
FROM trackstar.run
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM trackstar.proponent p
                   WHERE p.run_id = run.run_id AND p.direction = 'opponent') AS has_opponents
) signed
JOIN trackstar.asked_query asked USING (run_id)
JOIN trackstar.query q ON q.query_id = asked.query_id
JOIN trackstar.query_set s ON s.query_set_id = q.query_set_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
LEFT JOIN trackstar.encoding e ON e.encoding_id = run.encoding_id
LEFT JOIN trackstar.prediction said ON said.model_id = e.model_id AND said.query_id = q.query_id
CROSS JOIN LATERAL trackstar.retrieved(run.run_id, q.query_id, 'proponent') p
CROSS JOIN LATERAL trackstar.retrieved(run.run_id, q.query_id, 'opponent') o
LEFT JOIN LATERAL (
    SELECT (SELECT max(ff.frequency) FROM trackstar.fact_frequency ff WHERE ff.fact_id = q.fact_id) AS frequency,
           EXISTS (SELECT FROM trackstar.annotation a
                   JOIN trackstar.document d ON d.external_id = a.document_external_id
                        AND d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus))
                   WHERE a.fact_id = q.fact_id) AS has_sentence
) fact ON q.fact_id IS NOT NULL
CROSS JOIN LATERAL (
    SELECT CASE WHEN q.fact_id IS NOT NULL THEN coalesce(array_agg(pair.is_annotated ORDER BY pair.rank), '{}') END
               AS are_annotated,
           CASE WHEN count(pair.ais_score) > 0 THEN array_agg(pair.ais_score ORDER BY pair.rank) END AS ais_scores
    FROM (
        SELECT n.rank,
               EXISTS (SELECT FROM trackstar.annotation a
                       JOIN trackstar.document d ON d.external_id = a.document_external_id
                       WHERE a.fact_id = q.fact_id AND d.document_id = n.document_id) AS is_annotated,
               (SELECT avg(l.score) FROM trackstar.entailment_label l
                WHERE l.document_id = n.document_id AND (l.fact_id = q.fact_id OR l.query_id = q.query_id)
                  AND (run.ais_labeler IS NULL OR l.labeler = run.ais_labeler)) AS ais_score
        FROM unnest(p.document_ids) WITH ORDINALITY n(document_id, rank)
    ) pair
) judged
WHERE run.run_id = %(run_id)s
ORDER BY q.query_id;
