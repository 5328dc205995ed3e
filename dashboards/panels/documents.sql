-- Which documents are among the first ten proponents of the most facts?
SELECT run, external_id AS document, corpus, facts, stated_facts, queries, mean_score, text
FROM tda.document_reach
WHERE direction = 'proponent'
