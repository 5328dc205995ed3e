-- The queries that each run asked, and what imported results say of them beyond the other views.
CREATE OR REPLACE VIEW tda.run_query AS
SELECT r.name AS run, i.query_id, i.position, i.metadata::jsonb AS metadata, i.run_id
FROM trackstar.run_query i
JOIN trackstar.run r USING (run_id);

COMMENT ON VIEW tda.run_query IS
    'The queries that each run asked, answered or not, one row each; of imported runs the records. Among very many, name '
    'the run by its number, run_id: then they come in the run''s order from an index.';
COMMENT ON COLUMN tda.run_query.run IS 'Name of the run.';
COMMENT ON COLUMN tda.run_query.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.run_query.position IS 'Place of the query in the run, from 1.';
COMMENT ON COLUMN tda.run_query.metadata IS
    'Imported runs: every field of the record that no other view holds as it came, such as 8b_generations, as JSON.';
COMMENT ON COLUMN tda.run_query.run_id IS 'Number of the run, as in tda.run.';
