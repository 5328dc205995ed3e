-- Which loaded document is said to state which loaded fact.
CREATE OR REPLACE VIEW tda.annotation AS
SELECT a.fact_id, d.document_id, c.name AS corpus, d.external_id
FROM trackstar.annotation a
JOIN trackstar.fact f USING (fact_id)
JOIN trackstar.document d ON d.external_id = a.document_external_id
JOIN trackstar.corpus c USING (corpus_id);

COMMENT ON VIEW tda.annotation IS 'Documents that their source says state a fact, one row for each pair.';
COMMENT ON COLUMN tda.annotation.fact_id IS 'The fact, as in tda.fact.';
COMMENT ON COLUMN tda.annotation.document_id IS 'The document, as in tda.document.';
COMMENT ON COLUMN tda.annotation.corpus IS 'Name of the document''s corpus.';
COMMENT ON COLUMN tda.annotation.external_id IS 'The document''s id in its source.';
