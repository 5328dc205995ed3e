-- How often do the first proponents of a run hold a document that states the fact?
-- recall_at_k is a success rate: 1 for a query with at least one such document among its first k. Queries to which the
-- run found no document are left out.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents count
)
SELECT round(avg(is_found::integer), 3) AS recall_at_k,
       round(avg(reciprocal_rank), 3) AS mrr,
       count(*) AS queries
FROM (SELECT bool_or(is_annotated AND rank <= k) AS is_found,
             coalesce(max(1.0 / rank) FILTER (WHERE is_annotated), 0) AS reciprocal_rank
      FROM tda.proponent
      JOIN parameter USING (run)
      WHERE direction = 'proponent' AND fact_id IS NOT NULL
      GROUP BY query_id) AS query;
