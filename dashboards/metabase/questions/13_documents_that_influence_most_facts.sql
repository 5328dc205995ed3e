-- Documents that influence most facts
-- Visualization: Table
-- Variables: run, each of type text
SELECT document, facts, stated_facts, mean_score, text FROM (
-- Which documents are among the first ten proponents of the most facts?
SELECT run, external_id AS document, corpus, facts, stated_facts, queries, mean_score, text
FROM tda.document_reach
WHERE direction = 'proponent'
) AS panel
WHERE true
  [[AND run = {{run}}]]
ORDER BY facts DESC NULLS LAST, mean_score DESC NULLS LAST
