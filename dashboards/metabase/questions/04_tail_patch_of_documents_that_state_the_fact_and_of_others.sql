-- Tail-patch of documents that state the fact, and of others
-- Visualization: Bar; x run, y tail_patch_delta, series proponents_that
-- Variables: query_set, judge (default annotation), each of type text
SELECT run, tail_patch_delta, proponents_that FROM (
-- Do documents that state the fact raise its probability more than the others that a method finds?
SELECT query_set, judge, run, method, pair.proponents_that, pair.tail_patch_delta, pair.proponents
FROM tda.influence_vs_attribution
CROSS JOIN LATERAL (VALUES
    ('state the fact', tail_patch_of_correct, correct_proponents),
    ('do not', tail_patch_of_incorrect, incorrect_proponents)
) pair (proponents_that, tail_patch_delta, proponents)
WHERE pair.proponents > 0
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
  [[AND judge = {{judge}}]]
