-- How far two runs agree on each query: the documents that their first ten proponents share.
-- Built of small lookups by index, query by query: as fast for one query of two runs without statistics.
CREATE OR REPLACE VIEW tda.query_agreement AS
SELECT run.name AS run, run.method, other.name AS other_run, other.method AS other_method, s.name AS query_set,
       q.query_id, q.fact_id, r.label AS relation,
       tda.frequency_bucket((SELECT max(frequency) FROM trackstar.fact_frequency ff
                             WHERE ff.fact_id = q.fact_id)) AS frequency_bucket,
       found.proponents, found.other_proponents, found.shared,
       found.shared / nullif(greatest(found.proponents, found.other_proponents), 0)::double precision AS overlap,
       found.is_same_first
FROM trackstar.run
JOIN trackstar.run other ON other.query_set_id = run.query_set_id AND other.run_id <> run.run_id
JOIN trackstar.query_set s ON s.query_set_id = run.query_set_id
JOIN trackstar.run_query asked ON asked.run_id = run.run_id
JOIN trackstar.run_query other_asked ON other_asked.run_id = other.run_id AND other_asked.query_id = asked.query_id
JOIN trackstar.query q ON q.query_id = asked.query_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
CROSS JOIN LATERAL (
    SELECT count(mine.rank) AS proponents, count(theirs.rank) AS other_proponents,
           count(*) FILTER (WHERE mine.rank IS NOT NULL AND theirs.rank IS NOT NULL) AS shared,
           coalesce(bool_or(mine.rank = 1 AND theirs.rank = 1), false) AS is_same_first
    FROM (SELECT p.document_id, p.rank
          FROM trackstar.proponent p
          WHERE p.run_id = run.run_id AND p.query_id = asked.query_id AND p.direction = 'proponent'
            AND p.rank <= 10) mine
    FULL JOIN (SELECT p.document_id, p.rank
               FROM trackstar.proponent p
               WHERE p.run_id = other.run_id AND p.query_id = asked.query_id AND p.direction = 'proponent'
                 AND p.rank <= 10) theirs USING (document_id)
) found;

COMMENT ON VIEW tda.query_agreement IS
    'How far any two runs over the same query set agree on each query that both asked: the documents among the first '
    'ten proponents of both. Every pair stands here twice, once from each side. Name both runs; tda.method_agreement '
    'has the averages, tda.compare_runs other depths than ten and rank correlations.';
COMMENT ON COLUMN tda.query_agreement.run IS 'Name of one run.';
COMMENT ON COLUMN tda.query_agreement.method IS 'Its method.';
COMMENT ON COLUMN tda.query_agreement.other_run IS 'Name of the other run.';
COMMENT ON COLUMN tda.query_agreement.other_method IS 'Its method.';
COMMENT ON COLUMN tda.query_agreement.query_set IS 'The query set that both asked.';
COMMENT ON COLUMN tda.query_agreement.query_id IS 'Number of the query.';
COMMENT ON COLUMN tda.query_agreement.fact_id IS
    'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_agreement.relation IS 'Label of the fact''s relation; empty for queries that are no facts.';
COMMENT ON COLUMN tda.query_agreement.frequency_bucket IS
    'Bucket 0 to 5 of the fact''s frequency; empty if never counted.';
COMMENT ON COLUMN tda.query_agreement.proponents IS 'Proponents of the one run up to rank 10.';
COMMENT ON COLUMN tda.query_agreement.other_proponents IS 'Proponents of the other run up to rank 10.';
COMMENT ON COLUMN tda.query_agreement.shared IS 'Documents that are among both.';
COMMENT ON COLUMN tda.query_agreement.overlap IS
    'shared as a share, from 0 to 1, of the longer of the two lists; empty where both are empty.';
COMMENT ON COLUMN tda.query_agreement.is_same_first IS 'Whether both have the same document at rank 1.';
