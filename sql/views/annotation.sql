-- Which loaded document is said to state which loaded fact. The id as an expression: a value that is asked for would be
-- looked up among all annotations otherwise, before their documents' policy.
CREATE OR REPLACE VIEW tda.annotation AS
SELECT a.fact_id, d.document_id, c.name AS corpus, d.external_id || '' AS external_id
FROM trackstar.annotation a
JOIN trackstar.fact f USING (fact_id)
JOIN trackstar.document d ON d.external_id = a.document_external_id
     AND d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus))
JOIN trackstar.corpus c USING (corpus_id);

COMMENT ON VIEW tda.annotation IS 'Documents that their source says state a fact, one row for each pair.';
COMMENT ON COLUMN tda.annotation.fact_id IS 'The fact, as in tda.fact.';
COMMENT ON COLUMN tda.annotation.document_id IS 'The document, as in tda.document.';
COMMENT ON COLUMN tda.annotation.corpus IS 'Name of the document''s corpus.';
COMMENT ON COLUMN tda.annotation.external_id IS
    'The document''s id in its source. To look one up, find its document_id in tda.document: here no index has it.';
