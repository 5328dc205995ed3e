-- In which relations does one training step on the proponents raise the answer's probability most?
-- Needs tail-patches: trackstar judge tail-patch. In percentage points: the mean over a query's first ten, then over
-- queries; plus_or_minus is two standard errors over queries.
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT relation, round(avg(tail_patch_delta)::numeric, 3) AS mean_delta,
       round(2 * (stddev_samp(tail_patch_delta) / sqrt(count(*)))::numeric, 3) AS plus_or_minus,
       count(*) AS queries, sum(tail_patch_proponents) AS proponents
FROM tda.query_metric
JOIN parameter USING (run)
WHERE judge = 'tail_patch'
GROUP BY relation
ORDER BY mean_delta DESC, relation;
