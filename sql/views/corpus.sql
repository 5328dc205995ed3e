-- Every corpus.
CREATE OR REPLACE VIEW tda.corpus AS
SELECT c.name AS corpus, c.created_at,
       (SELECT count(*) FROM trackstar.document d WHERE d.corpus_id = c.corpus_id) AS documents,
       (SELECT max(d.loaded_at) FROM trackstar.document d WHERE d.corpus_id = c.corpus_id) AS last_loaded_at
FROM trackstar.corpus c;

COMMENT ON VIEW tda.corpus IS 'Corpora: what documents were loaded into, one row each.';
COMMENT ON COLUMN tda.corpus.corpus IS 'Name of the corpus.';
COMMENT ON COLUMN tda.corpus.created_at IS 'When something was first loaded into it.';
COMMENT ON COLUMN tda.corpus.documents IS 'Its documents, counted when it is asked for.';
COMMENT ON COLUMN tda.corpus.last_loaded_at IS 'When a document was last added; empty without documents.';
