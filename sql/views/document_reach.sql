-- Documents by how many facts they influence.
CREATE OR REPLACE VIEW tda.document_reach AS
SELECT run.name AS run, run.method, s.name AS query_set, reach.direction, reach.document_id, c.name AS corpus,
       d.external_id, reach.facts + 0 AS facts, reach.stated_facts, reach.queries, reach.best_rank,
       reach.mean_score + 0 AS mean_score, d.text,
       (SELECT done.refreshed_at FROM trackstar.refresh done WHERE done.name = 'document_reach') AS refreshed_at,
       reach.run_id
FROM trackstar.document_reach reach
JOIN trackstar.run ON run.run_id = reach.run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id
JOIN trackstar.document d ON d.document_id = reach.document_id
JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id;

COMMENT ON VIEW tda.document_reach IS
    'Documents by how many facts they influence: one row for each document that is among the first ten proponents, or '
    'opponents, of any query of a run, as of refreshed_at. Among very many, name the run by its number: with run_id = '
    '(SELECT run_id FROM tda.run WHERE run = ''demo'') they come sorted from an index.';
COMMENT ON COLUMN tda.document_reach.run IS 'Name of the run.';
COMMENT ON COLUMN tda.document_reach.method IS 'The run''s method.';
COMMENT ON COLUMN tda.document_reach.query_set IS 'The query set asked.';
COMMENT ON COLUMN tda.document_reach.direction IS 'proponent or opponent.';
COMMENT ON COLUMN tda.document_reach.document_id IS 'Number of the document.';
COMMENT ON COLUMN tda.document_reach.corpus IS 'Name of the document''s corpus.';
COMMENT ON COLUMN tda.document_reach.external_id IS 'The document''s id in its source.';
COMMENT ON COLUMN tda.document_reach.facts IS 'Facts for whose queries it is among the first ten.';
COMMENT ON COLUMN tda.document_reach.stated_facts IS 'Those of them that it states, by its source.';
COMMENT ON COLUMN tda.document_reach.queries IS 'Queries for which it is among the first ten, facts or not.';
COMMENT ON COLUMN tda.document_reach.best_rank IS 'Its best rank for any of them.';
COMMENT ON COLUMN tda.document_reach.mean_score IS
    'Mean of what the run''s method ranked by, over these queries: the influence, for methods with gradients.';
COMMENT ON COLUMN tda.document_reach.text IS 'The document''s text.';
COMMENT ON COLUMN tda.document_reach.refreshed_at IS 'When this was computed.';
COMMENT ON COLUMN tda.document_reach.run_id IS 'Number of the run, as in tda.run.';
