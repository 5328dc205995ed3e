-- Every document of every corpus.
CREATE OR REPLACE VIEW tda.document AS
SELECT d.document_id, c.name AS corpus, d.external_id, d.text, d.token_count, d.metadata, d.loaded_at
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id);

COMMENT ON VIEW tda.document IS 'Training documents, one row each.';
COMMENT ON COLUMN tda.document.document_id IS 'The document''s number in this database.';
COMMENT ON COLUMN tda.document.corpus IS 'Name of the corpus that the document belongs to.';
COMMENT ON COLUMN tda.document.external_id IS 'The document''s id in its source; unique in its corpus.';
COMMENT ON COLUMN tda.document.text IS 'The whole text.';
COMMENT ON COLUMN tda.document.token_count IS
    'Tokens of the text for the model that encoded it first; empty until it is encoded.';
COMMENT ON COLUMN tda.document.metadata IS 'Every other field of the source, as JSON.';
COMMENT ON COLUMN tda.document.loaded_at IS 'When the document was first loaded.';
