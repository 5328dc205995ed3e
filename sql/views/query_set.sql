-- Every query set.
CREATE OR REPLACE VIEW tda.query_set AS
SELECT s.name AS query_set, s.created_at,
       (SELECT count(*) FROM trackstar.query q WHERE q.query_set_id = s.query_set_id) AS queries,
       (SELECT count(q.fact_id) FROM trackstar.query q WHERE q.query_set_id = s.query_set_id) AS fact_queries,
       (SELECT count(*) FROM trackstar.run r WHERE r.query_set_id = s.query_set_id) AS runs
FROM trackstar.query_set s;

COMMENT ON VIEW tda.query_set IS 'Query sets: what runs ask, one row each.';
COMMENT ON COLUMN tda.query_set.query_set IS 'Name of the query set.';
COMMENT ON COLUMN tda.query_set.created_at IS 'When it was made.';
COMMENT ON COLUMN tda.query_set.queries IS 'Its queries.';
COMMENT ON COLUMN tda.query_set.fact_queries IS 'Those of them that ask for a fact.';
COMMENT ON COLUMN tda.query_set.runs IS 'Runs that asked it.';
