-- What each judge of attribution says of a run's proponents: private. A proponent without a row is not correct.
CREATE OR REPLACE VIEW trackstar.proponent_verdict AS
SELECT p.run_id, p.query_id, p.document_id, p.rank, 'annotation' AS judge, true AS is_correct
FROM trackstar.query q
JOIN trackstar.annotation a USING (fact_id)
JOIN trackstar.document d ON d.external_id = a.document_external_id
     AND d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus))
JOIN trackstar.proponent p ON p.query_id = q.query_id AND p.document_id = d.document_id
WHERE p.direction = 'proponent'
UNION ALL
SELECT p.run_id, p.query_id, p.document_id, p.rank, 'ais',
       tda.is_entailed(avg(l.score), run.ais_threshold)
FROM trackstar.run
JOIN trackstar.proponent p USING (run_id)
JOIN trackstar.query q USING (query_id)
JOIN trackstar.entailment_label l
    ON l.document_id = p.document_id AND (l.fact_id = q.fact_id OR l.query_id = q.query_id)
WHERE p.direction = 'proponent' AND (run.ais_labeler IS NULL OR l.labeler = run.ais_labeler)
GROUP BY p.run_id, p.query_id, p.document_id, p.rank, run.ais_threshold;

COMMENT ON VIEW trackstar.proponent_verdict IS
    'Proponents that a judge (annotation or ais) has something to say of, and whether they are correct.';
