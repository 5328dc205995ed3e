-- Every relation, with how many facts have it.
CREATE OR REPLACE VIEW tda.relation AS
SELECT r.label AS relation, r.uri AS relation_uri,
       (SELECT count(*) FROM trackstar.fact f WHERE f.relation_id = r.relation_id) AS facts
FROM trackstar.relation r;

COMMENT ON VIEW tda.relation IS 'Relations of facts, such as "capital of", one row each.';
COMMENT ON COLUMN tda.relation.relation IS 'Label of the relation, as in tda.fact.';
COMMENT ON COLUMN tda.relation.relation_uri IS 'Identifier of the relation, such as P36.';
COMMENT ON COLUMN tda.relation.facts IS 'Loaded facts that have it.';
