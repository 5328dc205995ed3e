-- Every entailment label, by models and by people.
CREATE OR REPLACE VIEW tda.entailment_label AS
SELECT d.document_id, c.name AS corpus, d.external_id, l.fact_id, l.query_id, l.labeler || '' AS labeler,
       l.score + 0 AS ais_score, tda.is_entailed(l.score + 0) AS is_entailed
FROM trackstar.entailment_label l
JOIN trackstar.document d ON d.document_id = l.document_id
JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id;

COMMENT ON VIEW tda.entailment_label IS
    'Entailment (AIS) labels: whether a document states a fact, or the answer to a query, by whom; one row each.';
COMMENT ON COLUMN tda.entailment_label.document_id IS 'The document, as in tda.document.';
COMMENT ON COLUMN tda.entailment_label.corpus IS 'Name of the document''s corpus.';
COMMENT ON COLUMN tda.entailment_label.external_id IS 'The document''s id in its source.';
COMMENT ON COLUMN tda.entailment_label.fact_id IS 'The fact in question, as in tda.fact; empty for labels of queries.';
COMMENT ON COLUMN tda.entailment_label.query_id IS
    'The query in question, as in tda.query, where it asks for no fact; empty for labels of facts.';
COMMENT ON COLUMN tda.entailment_label.labeler IS 'Who says so: a model, alias_match, or a person.';
COMMENT ON COLUMN tda.entailment_label.ais_score IS 'How surely the document states it, from 0 to 1.';
COMMENT ON COLUMN tda.entailment_label.is_entailed IS
    'Whether that counts as stating it: above 0.5. A run may be judged by a threshold of its own: tda.proponent.';
