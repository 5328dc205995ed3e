-- Do documents that state the fact raise its probability more than the others that a method finds?
SELECT query_set, judge, run, method, pair.proponents_that, pair.tail_patch_delta, pair.proponents
FROM tda.influence_vs_attribution
CROSS JOIN LATERAL (VALUES
    ('state the fact', tail_patch_of_correct, correct_proponents),
    ('do not', tail_patch_of_incorrect, incorrect_proponents)
) pair (proponents_that, tail_patch_delta, proponents)
WHERE pair.proponents > 0
