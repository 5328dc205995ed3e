-- Which corpora do the first proponents come from, and is that more than their share of the documents?
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents of a query count
), found AS (
    SELECT corpus, count(*) AS proponents, avg(influence) AS mean_influence
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
    GROUP BY corpus
)
SELECT corpus, documents, coalesce(proponents, 0) AS proponents,
       round(coalesce(proponents, 0) / sum(proponents) OVER (), 3) AS share_of_proponents,
       round(documents / sum(documents) OVER (), 3) AS share_of_documents,
       round(mean_influence::numeric, 3) AS mean_influence
FROM tda.corpus
LEFT JOIN found USING (corpus)
ORDER BY proponents DESC, corpus;
