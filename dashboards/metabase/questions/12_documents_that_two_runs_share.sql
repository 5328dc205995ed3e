-- Documents that two runs share
-- Visualization: Pivot table, with conditional formatting by colour range; rows run, columns other_run, values overlap
-- Variables: query_set, each of type text
SELECT other_run, run, overlap FROM (
-- Which methods find the same documents?
SELECT query_set, run, other_run, queries, overlap, same_first
FROM tda.method_agreement
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
