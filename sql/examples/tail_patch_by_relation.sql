-- In which relations does one training step on the proponents raise the answer's probability most?
-- Needs tail-patches: trackstar judge tail-patch. In percentage points; plus_or_minus is two standard errors.
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT relation, round(avg(tail_patch_delta)::numeric, 3) AS mean_delta,
       round(2 * (stddev_samp(tail_patch_delta) / sqrt(count(*)))::numeric, 3) AS plus_or_minus,
       count(DISTINCT query_id) AS queries, count(*) AS proponents
FROM tda.tail_patch
JOIN parameter USING (run)
GROUP BY relation
ORDER BY mean_delta DESC;
