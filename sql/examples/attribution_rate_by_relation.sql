-- Which relations are traced to documents that state the fact, and which to others?
-- Queries to which the run found no document are left out.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents count
)
SELECT relation,
       round(avg(is_found::integer), 3) AS recall_at_k,
       count(*) AS queries
FROM (SELECT relation, bool_or(is_annotated AND rank <= k) AS is_found
      FROM tda.proponent
      JOIN parameter USING (run)
      WHERE direction = 'proponent' AND fact_id IS NOT NULL
      GROUP BY query_id, relation) AS query
GROUP BY relation
ORDER BY recall_at_k DESC, relation;
