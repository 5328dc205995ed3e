-- How does influence change with fact frequency?
-- That is the number of documents that hold the fact; on a large corpus group by frequency_bucket. first_influence: of
-- the first proponent; share_of_influence: of the first ten, what sentences that state the fact carry; share_of_each:
-- that for each document that holds the fact; mrr: 1 / rank of the first of them, 0 where none was found.
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT f.fact_frequency, count(*) AS queries,
       round(avg(q.first_influence)::numeric, 3) AS first_influence,
       round((sum(q.stating_influence) / sum(q.influence))::numeric, 2) AS share_of_influence,
       round((sum(q.stating_influence) / sum(q.influence) / nullif(f.fact_frequency, 0))::numeric, 3) AS share_of_each,
       round(avg(q.reciprocal_rank), 2) AS mrr
FROM (SELECT fact_id, max(influence) AS first_influence,
             sum(influence) FILTER (WHERE rank <= 10) AS influence,
             coalesce(sum(influence) FILTER (WHERE rank <= 10 AND is_annotated), 0) AS stating_influence,
             coalesce(max(1.0 / rank) FILTER (WHERE is_annotated), 0) AS reciprocal_rank
      FROM tda.proponent
      JOIN parameter USING (run)
      WHERE direction = 'proponent'
      GROUP BY query_id, fact_id) q
JOIN tda.fact f USING (fact_id)
GROUP BY f.fact_frequency
ORDER BY f.fact_frequency;
