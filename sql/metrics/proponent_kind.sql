-- Which kinds of documents does a method find? The kinds of tda.proponent_explanation, counted.
CREATE OR REPLACE VIEW tda.proponent_kind AS
SELECT counted.run, counted.method, counted.direction, kinds.kind, kinds.proponents,
       kinds.proponents::double precision / counted.proponents AS share, counted.queries
FROM (SELECT run, method, direction, count(*) AS proponents, count(DISTINCT query_id) AS queries,
             count(*) FILTER (WHERE kind = 'states_fact') AS states_fact,
             count(*) FILTER (WHERE kind = 'both_entities') AS both_entities,
             count(*) FILTER (WHERE kind = 'subject') AS subject,
             count(*) FILTER (WHERE kind = 'object') AS object,
             count(*) FILTER (WHERE kind = 'same_relation') AS same_relation,
             count(*) FILTER (WHERE kind = 'other') AS other
      FROM tda.proponent_explanation
      WHERE rank <= 10
      GROUP BY run, method, direction) counted
CROSS JOIN LATERAL (VALUES
    ('states_fact', counted.states_fact), ('both_entities', counted.both_entities), ('subject', counted.subject),
    ('object', counted.object), ('same_relation', counted.same_relation), ('other', counted.other)
) kinds (kind, proponents);

COMMENT ON VIEW tda.proponent_kind IS
    'How many of the first ten proponents, and opponents, of a run are of which kind: six rows for each run and '
    'direction, kinds that do not occur among them.';
COMMENT ON COLUMN tda.proponent_kind.run IS 'Name of the run.';
COMMENT ON COLUMN tda.proponent_kind.method IS 'The run''s method.';
COMMENT ON COLUMN tda.proponent_kind.direction IS 'proponent or opponent.';
COMMENT ON COLUMN tda.proponent_kind.kind IS
    'states_fact, both_entities, subject, object, same_relation or other, as in tda.proponent_explanation.';
COMMENT ON COLUMN tda.proponent_kind.proponents IS 'Documents of this kind, up to rank 10.';
COMMENT ON COLUMN tda.proponent_kind.share IS 'Their share of the run''s documents of this direction up to rank 10.';
COMMENT ON COLUMN tda.proponent_kind.queries IS 'Queries of the run behind the share.';
