-- Proponents with the entailment labels that judge their run: private.
-- Two joins and not one with OR, which no hash could answer: by the fact, and by the query.
CREATE OR REPLACE VIEW trackstar.labelled_proponent AS
SELECT p.run_id, p.query_id, p.rank, l.score
FROM trackstar.proponent p
JOIN trackstar.run r ON r.run_id = p.run_id
JOIN trackstar.query q ON q.query_id = p.query_id
JOIN trackstar.entailment_label l ON l.fact_id = q.fact_id AND l.document_id = p.document_id
WHERE p.direction = 'proponent' AND (r.ais_labeler IS NULL OR l.labeler = r.ais_labeler)
UNION ALL
SELECT p.run_id, p.query_id, p.rank, l.score
FROM trackstar.proponent p
JOIN trackstar.run r ON r.run_id = p.run_id
JOIN trackstar.entailment_label l ON l.query_id = p.query_id AND l.document_id = p.document_id
WHERE p.direction = 'proponent' AND (r.ais_labeler IS NULL OR l.labeler = r.ais_labeler);

COMMENT ON VIEW trackstar.labelled_proponent IS 'Proponents with each entailment label that judges their run.';
