-- Do documents that state the fact raise the answer's probability more than others that a method finds?
SELECT run, mrr, recall_at_10, tail_patch_of_correct, correct_proponents, tail_patch_of_incorrect, incorrect_proponents
FROM tda.influence_vs_attribution
WHERE judge = 'annotation'
ORDER BY tail_patch_of_incorrect DESC NULLS LAST, run;
