-- How do the runs compare by relation and fact frequency, and how many queries stand behind each figure?
WITH parameter AS (SELECT
    'annotation'::text AS judge  -- who says which documents state the fact: annotation, or ais for entailment labels
)
SELECT run, relation, frequency_bucket,
       round(avg(reciprocal_rank)::numeric, 3) AS mrr,
       round(avg(recall_at_10)::numeric, 3) AS recall_at_10,
       round(avg(tail_patch_delta)::numeric, 2) AS tail_patch_delta,
       count(*) AS queries
FROM tda.query_metric
JOIN parameter USING (judge)
GROUP BY run, relation, frequency_bucket
ORDER BY run, relation, frequency_bucket;
