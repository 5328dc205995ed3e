-- Through which layers does the influence of documents go, for those that state the fact and for others?
WITH parameter AS NOT MATERIALIZED (SELECT
    'demo'::text AS run,  -- the run to look at; its method takes inner products under one encoding
    1::integer AS k       -- how many first proponents of a query count
), part AS MATERIALIZED (
    SELECT query_id, rank, block, block_name, influence
    FROM tda.block_influence
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
), judged AS MATERIALIZED (
    SELECT query_id, rank, is_annotated
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
)
SELECT block_name, round(avg(influence) FILTER (WHERE is_annotated)::numeric, 4) AS of_statements,
       round(avg(influence) FILTER (WHERE NOT is_annotated)::numeric, 4) AS of_others, count(*) AS proponents
FROM part
JOIN judged USING (query_id, rank)
GROUP BY block, block_name
ORDER BY block;
