-- Do the runs prefer long documents, or short ones?
-- Compare mean_tokens with that of all documents; correlation is of a document's length with its influence or score.
WITH parameter AS (SELECT
    10::integer AS k  -- how many first proponents of a query count
)
SELECT p.run, round(avg(d.token_count), 1) AS mean_tokens,
       (SELECT round(avg(token_count), 1) FROM tda.document) AS mean_tokens_of_all,
       round(corr(d.token_count, p.score)::numeric, 3) AS correlation, count(*) AS proponents
FROM tda.proponent p
JOIN parameter ON p.rank <= parameter.k
JOIN tda.document d USING (document_id)
WHERE p.direction = 'proponent'
GROUP BY p.run
ORDER BY p.run;
