-- How often do the first ten proponents of a run hold a document that states the fact?
-- recall_at_10 is a success rate: 1 for a query with at least one such document among its ten.
SELECT round(avg(is_found::integer), 3) AS recall_at_10,
       round(avg(reciprocal_rank), 3) AS mrr,
       count(*) AS queries
FROM (SELECT bool_or(is_annotated AND rank <= 10) AS is_found,
             coalesce(max(1.0 / rank) FILTER (WHERE is_annotated), 0) AS reciprocal_rank
      FROM tda.proponent
      WHERE run = 'demo' AND direction = 'proponent' AND fact_id IS NOT NULL
      GROUP BY query_id) AS query;
