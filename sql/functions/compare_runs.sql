-- Where do two runs over the same queries differ? With the rights of whoever asks. Lists are compared by rank (read in the
-- order of their index) and by document; what only the second join needs, places among the shared, is worked out there.
CREATE OR REPLACE FUNCTION tda.compare_runs(run text, other_run text, k integer DEFAULT 10)
RETURNS TABLE (
    query_id bigint, prompt text, target text, fact_id text, relation text, proponents bigint,
    other_proponents bigint, shared bigint, overlap double precision, rank_correlation double precision,
    first_difference integer
)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH compared AS MATERIALIZED (
        SELECT c.run_id, c.other_run_id FROM trackstar.comparable_runs($1, $2, $3) c
    ), mine AS NOT MATERIALIZED (
        SELECT p.query_id, p.document_id, p.rank
        FROM trackstar.proponent p
        WHERE p.run_id = (SELECT c.run_id FROM compared c) AND p.direction = 'proponent' AND p.rank <= $3
    ), theirs AS NOT MATERIALIZED (
        SELECT p.query_id, p.document_id, p.rank
        FROM trackstar.proponent p
        WHERE p.run_id = (SELECT c.other_run_id FROM compared c) AND p.direction = 'proponent' AND p.rank <= $3
    ), ranks AS (
        SELECT query_id, count(mine.document_id) AS proponents, count(theirs.document_id) AS other_proponents,
               min(rank) FILTER (WHERE mine.document_id IS DISTINCT FROM theirs.document_id) AS first_difference
        FROM mine
        FULL JOIN theirs USING (query_id, rank)
        GROUP BY query_id
    ), documents AS (
        SELECT placed.query_id, count(*) AS shared, corr(placed.place, placed.other_place) AS rank_correlation
        FROM (SELECT mine.query_id,
                     row_number() OVER (PARTITION BY mine.query_id ORDER BY mine.rank) AS place,
                     row_number() OVER (PARTITION BY mine.query_id ORDER BY theirs.rank) AS other_place
              FROM mine
              JOIN theirs ON theirs.query_id = mine.query_id AND theirs.document_id = mine.document_id) placed
        GROUP BY placed.query_id
    )
    SELECT q.query_id, q.prompt, q.target, q.fact_id, r.label, coalesce(ranks.proponents, 0),
           coalesce(ranks.other_proponents, 0), coalesce(documents.shared, 0),
           coalesce(documents.shared, 0)
               / nullif(greatest(ranks.proponents, ranks.other_proponents), 0)::double precision,
           documents.rank_correlation, ranks.first_difference
    FROM compared
    JOIN trackstar.run_query asked ON asked.run_id = compared.run_id
    JOIN trackstar.run_query other_asked
        ON other_asked.run_id = compared.other_run_id AND other_asked.query_id = asked.query_id
    JOIN trackstar.query q ON q.query_id = asked.query_id
    LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
    LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
    LEFT JOIN ranks ON ranks.query_id = asked.query_id
    LEFT JOIN documents ON documents.query_id = asked.query_id
    ORDER BY asked.position;
END;

COMMENT ON FUNCTION tda.compare_runs(text, text, integer) IS
    'How two runs over the same query set differ on each query that both asked, in the order asked. proponents and '
    'other_proponents: what each run has up to rank k; shared: documents among both; overlap: shared as a share of the '
    'longer list, empty where both are empty; rank_correlation: Spearman''s, from -1 to 1, of the shared documents'' '
    'order, empty for fewer than two; first_difference: the first rank at which the lists differ, empty where they are '
    'the same.';
