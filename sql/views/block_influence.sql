-- Which layers carry the influence of every document that a run found: its inner products by layer block, from the
-- one row of a gradient, from its rows by block, or from its codes.
CREATE OR REPLACE VIEW tda.block_influence AS
WITH scored AS (
    SELECT r.run_id, r.name AS run, r.task_id, r.encoding_id, e.is_by_block, e.bits, e.blocks,
           e.block_rank * e.block_rank AS width, e.recipe -> 'blocks' AS names, (m.settings ->> 'is_unit_norm')::boolean AS is_unit_norm,
           m.settings ->> 'autocorrelation' AS autocorrelation
    FROM trackstar.run r
    JOIN trackstar.encoding e USING (encoding_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(r.settings -> 'method', (SELECT to_jsonb(known) FROM trackstar.method known
                                                 WHERE known.name = r.method)) AS settings) m
    WHERE m.settings ->> 'kind' = 'gradient'
      AND (m.settings ->> 'autocorrelation' = 'corpus'
           OR m.settings ->> 'autocorrelation' = 'task' AND (m.settings ->> 'is_unit_norm')::boolean)
      AND NOT EXISTS (SELECT FROM trackstar.run_encoding a
                      WHERE a.run_id = r.run_id AND a.encoding_id <> r.encoding_id)
)
SELECT s.run, p.query_id, p.direction, p.rank, p.document_id, d.external_id, b.block,
       s.names ->> b.block AS block_name,
       -(document_side.gradient <#> query_side.gradient) * scale.factor AS influence
FROM scored s
JOIN trackstar.proponent p ON p.run_id = s.run_id
JOIN trackstar.document d ON d.document_id = p.document_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.task_id IS NOT NULL
                THEN 1 / (SELECT t.norm::double precision FROM trackstar.task_document t
                          WHERE t.task_id = s.task_id AND t.document_id = p.document_id)
                WHEN s.is_unit_norm
                THEN 1 / (SELECT sqrt(sum(power(vector_norm(q.gradient), 2))) FROM trackstar.query_gradient q
                          WHERE q.encoding_id = s.encoding_id AND q.query_id = p.query_id)
                ELSE (SELECT o.norm FROM trackstar.encoded_document o
                      WHERE o.encoding_id = s.encoding_id AND o.document_id = p.document_id)
           END AS factor
    OFFSET 0) scale
CROSS JOIN LATERAL generate_series(0, s.blocks - 1) AS b (block)
CROSS JOIN LATERAL (
    SELECT CASE WHEN s.is_by_block THEN q.gradient
                ELSE subvector(q.gradient, b.block * s.width + 1, s.width) END AS gradient
    FROM (SELECT t.block, t.gradient FROM trackstar.task_query t
          WHERE t.task_id = s.task_id AND t.query_id = p.query_id
          UNION ALL
          SELECT g.block, g.gradient FROM trackstar.query_gradient g
          WHERE s.task_id IS NULL AND g.encoding_id = s.encoding_id AND g.query_id = p.query_id) q
    WHERE q.block = CASE WHEN s.is_by_block THEN b.block ELSE 0 END) query_side
CROSS JOIN LATERAL (
    SELECT subvector(g.gradient, b.block * s.width + 1, s.width)::vector AS gradient
    FROM trackstar.gradient g
    WHERE NOT s.is_by_block AND g.encoding_id = s.encoding_id AND g.document_id = p.document_id
    UNION ALL
    SELECT g.gradient::vector
    FROM trackstar.gradient_block g
    WHERE s.is_by_block AND g.encoding_id = s.encoding_id AND g.document_id = p.document_id
      AND g.block = b.block
    UNION ALL
    SELECT trackstar.decoded(substring(g.code, b.block * s.width * s.bits + 1, s.width * s.bits), g.scale, s.bits)
    FROM trackstar.gradient_code g
    WHERE s.bits < 16 AND g.encoding_id = s.encoding_id AND g.document_id = p.document_id) document_side;

COMMENT ON VIEW tda.block_influence IS
    'Influence by layer block: the proponents and opponents of every run, divided over the layer blocks of the gradient. '
    'A document''s parts sum to its influence, up to half precision. Of runs over one encoding by methods that take '
    'inner products with R of the corpus or of a task (such as trackstar_train and trackstar). Ask for one run.';
COMMENT ON COLUMN tda.block_influence.run IS 'Name of the run.';
COMMENT ON COLUMN tda.block_influence.query_id IS 'Number of the query.';
COMMENT ON COLUMN tda.block_influence.direction IS 'proponent or opponent.';
COMMENT ON COLUMN tda.block_influence.rank IS 'Place of the document among the query''s proponents or opponents, from 1.';
COMMENT ON COLUMN tda.block_influence.document_id IS 'Number of the document.';
COMMENT ON COLUMN tda.block_influence.external_id IS 'The document''s id in its source.';
COMMENT ON COLUMN tda.block_influence.block IS 'Number of the layer block, from 0.';
COMMENT ON COLUMN tda.block_influence.block_name IS 'The layers that the block covers.';
COMMENT ON COLUMN tda.block_influence.influence IS 'The block''s part of the document''s influence on the query.';
