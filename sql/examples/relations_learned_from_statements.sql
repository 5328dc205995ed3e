-- Which relations are learned from sentences that state the fact, and which are not?
-- found: queries with such a sentence among their first ten; share_of_influence: of the ten, what these sentences carry;
-- stating_tried: how many of them one training step was taken on; tail_patch: percentage points by which a step on one of
-- them, or on another of the ten, raises the answer.
WITH parameter AS (SELECT
    'demo'::text AS run  -- the run to look at
)
SELECT relation,
       count(DISTINCT query_id) AS queries,
       round(count(DISTINCT query_id) FILTER (WHERE is_annotated)::numeric / count(DISTINCT query_id), 2) AS found,
       round((sum(influence) FILTER (WHERE is_annotated) / sum(influence))::numeric, 2) AS share_of_influence,
       count(tail_patch_delta) FILTER (WHERE is_annotated) AS stating_tried,
       round(avg(tail_patch_delta) FILTER (WHERE is_annotated)::numeric, 1) AS tail_patch_of_stating,
       round(avg(tail_patch_delta) FILTER (WHERE NOT is_annotated)::numeric, 1) AS tail_patch_of_others
FROM tda.proponent
JOIN parameter USING (run)
WHERE direction = 'proponent' AND rank <= 10 AND fact_id IS NOT NULL
GROUP BY relation
ORDER BY share_of_influence DESC NULLS LAST, relation;
