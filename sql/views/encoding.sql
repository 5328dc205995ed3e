-- Every encoding, with what it was made from and how far it is.
CREATE OR REPLACE VIEW tda.encoding AS
SELECT e.name AS encoding, e.recipe -> 'model' ->> 'name' AS model, m.architecture, m.parameter_count,
       e.dimension, e.blocks, e.block_rank, e.second_moment,
       (SELECT count(*) FROM trackstar.encoded_document d
        WHERE d.encoding_id = e.encoding_id AND d.outcome = 'stored') AS encoded_documents,
       (SELECT count(*) FROM trackstar.query_gradient q
        WHERE q.encoding_id = e.encoding_id AND q.block = 0) AS encoded_queries,
       CASE WHEN (SELECT trackstar.granted_corpora()) IS NULL OR e.recipe ->> 'corpus' IS NULL
                 OR EXISTS (SELECT FROM trackstar.corpus c WHERE c.name = e.recipe ->> 'corpus')
            THEN e.recipe END AS recipe,
       encode(e.digest, 'hex') AS digest, e.created_at,
       coalesce(e.recipe -> 'settings' ->> 'loss', 'cross-entropy') AS loss,
       encode(m.content_digest, 'hex') AS model_digest, e.is_by_block, e.bits
FROM trackstar.encoding e
JOIN trackstar.model m USING (model_id);

COMMENT ON VIEW tda.encoding IS 'Encodings: frozen recipes that turn a text into a stored gradient.';
COMMENT ON COLUMN tda.encoding.encoding IS 'Name of the encoding.';
COMMENT ON COLUMN tda.encoding.model IS 'The model whose gradients are taken.';
COMMENT ON COLUMN tda.encoding.architecture IS 'Class of the model.';
COMMENT ON COLUMN tda.encoding.parameter_count IS 'Parameters of the model.';
COMMENT ON COLUMN tda.encoding.dimension IS 'Numbers of one stored gradient: blocks × block_rank².';
COMMENT ON COLUMN tda.encoding.blocks IS 'Layer blocks, each projected and preconditioned on its own.';
COMMENT ON COLUMN tda.encoding.block_rank IS 'Rank k of each side''s projection.';
COMMENT ON COLUMN tda.encoding.second_moment IS 'How the optimizer''s second moment V enters: none, rank1 or full.';
COMMENT ON COLUMN tda.encoding.encoded_documents IS 'Documents with a stored gradient.';
COMMENT ON COLUMN tda.encoding.encoded_queries IS 'Queries with a stored gradient.';
COMMENT ON COLUMN tda.encoding.recipe IS
    'Every setting, as JSON; empty for those who may not read the corpus that R is of.';
COMMENT ON COLUMN tda.encoding.digest IS 'SHA-256 over the recipe and its numbers.';
COMMENT ON COLUMN tda.encoding.created_at IS 'When the encoding was made.';
COMMENT ON COLUMN tda.encoding.loss IS 'What gradients are of: cross-entropy or margin.';
COMMENT ON COLUMN tda.encoding.model_digest IS 'SHA-256 over the model''s files: the same model has the same, wherever it lies.';
COMMENT ON COLUMN tda.encoding.is_by_block IS
    'Whether a gradient is stored as a row for each layer block, being too long for one page; with bits below 16 that of '
    'a query alone.';
COMMENT ON COLUMN tda.encoding.bits IS
    'Bits of each number of a document''s stored gradient: 16 is half precision; 2 or 1 the nearest of four or two levels.';
