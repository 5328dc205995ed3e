-- Do documents that state the fact raise the answer's probability more than others that a method finds?
WITH parameter AS (SELECT
    'annotation'::text AS judge  -- who says which documents state the fact: annotation, or ais for entailment labels
)
SELECT run, mrr, recall_at_10, tail_patch_of_correct, correct_proponents, tail_patch_of_incorrect, incorrect_proponents
FROM tda.influence_vs_attribution
JOIN parameter USING (judge)
ORDER BY tail_patch_of_incorrect DESC NULLS LAST, run;
