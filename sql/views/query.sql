-- Every query of every query set.
CREATE OR REPLACE VIEW tda.query AS
SELECT q.query_id, s.name AS query_set, q.external_id, q.prompt, q.target, q.fact_id,
       r.label AS relation, q.metadata
FROM trackstar.query q
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.fact f USING (fact_id)
LEFT JOIN trackstar.relation r USING (relation_id);

COMMENT ON VIEW tda.query IS 'Queries: a prompt and the target whose prediction is traced, one row each.';
COMMENT ON COLUMN tda.query.query_id IS 'The query''s number in this database.';
COMMENT ON COLUMN tda.query.query_set IS 'Name of the query set.';
COMMENT ON COLUMN tda.query.external_id IS 'The query''s id in its source; unique in its query set.';
COMMENT ON COLUMN tda.query.prompt IS 'What the model is given; carries no loss.';
COMMENT ON COLUMN tda.query.target IS 'What the model should say next; its tokens carry the loss.';
COMMENT ON COLUMN tda.query.fact_id IS 'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query.relation IS 'Label of the fact''s relation.';
COMMENT ON COLUMN tda.query.metadata IS 'Every other field of the source, as JSON.';
