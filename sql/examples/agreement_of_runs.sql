-- How far does each pair of runs agree: what share of their first ten proponents is the same?
WITH parameter AS (SELECT
    'demo'::text AS query_set  -- the query set that the runs asked
)
SELECT run, other_run, round(avg(overlap)::numeric, 3) AS mean_overlap,
       round(avg(is_same_first::integer), 3) AS same_first, count(*) AS queries
FROM tda.query_agreement
JOIN parameter USING (query_set)
WHERE run < other_run
GROUP BY run, other_run
ORDER BY mean_overlap DESC NULLS LAST, run, other_run;
