-- Every task, with its R.
CREATE OR REPLACE VIEW tda.task AS
SELECT t.name AS task, e.name AS encoding, s.name AS query_set, t.mixing_lambda,
       t.recipe ->> 'lambda_from' AS lambda_from, (t.recipe ->> 'queries')::bigint AS queries,
       (SELECT min(r::integer) FROM jsonb_array_elements_text(t.recipe -> 'ranks') r) AS lowest_rank,
       (t.recipe ->> 'block_width')::integer AS block_width, t.created_at
FROM trackstar.task t
JOIN trackstar.encoding e USING (encoding_id)
JOIN trackstar.query_set s ON s.query_set_id = t.query_set_id;

COMMENT ON VIEW tda.task IS 'Tasks: a query set under an encoding, with an R mixed from its queries and the corpus.';
COMMENT ON COLUMN tda.task.task IS 'Name of the task.';
COMMENT ON COLUMN tda.task.encoding IS 'The encoding whose gradients it scores.';
COMMENT ON COLUMN tda.task.query_set IS 'The query set that R_eval is from.';
COMMENT ON COLUMN tda.task.mixing_lambda IS 'The weight of R_eval, from 0 to below 1; R of the corpus has the rest.';
COMMENT ON COLUMN tda.task.lambda_from IS 'spectra (the two spectra cross at 1.5 % of the components) or given.';
COMMENT ON COLUMN tda.task.queries IS 'Queries that R_eval is from.';
COMMENT ON COLUMN tda.task.lowest_rank IS 'The lowest rank of R_eval over layer blocks.';
COMMENT ON COLUMN tda.task.block_width IS 'The rank that R_eval could have: block_rank².';
COMMENT ON COLUMN tda.task.created_at IS 'When the task was made.';
