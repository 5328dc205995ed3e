-- Which documents influenced the prediction of one prompt most?
WITH parameter AS (SELECT
    'demo'::text AS run,                                           -- the run to look at
    'The city that France has as its capital is'::text AS prompt,  -- the prompt, in full
    5::integer AS k                                                -- how many documents
)
SELECT rank, influence, is_annotated, text
FROM tda.proponent
JOIN parameter USING (run, prompt)
WHERE direction = 'proponent' AND rank <= k
ORDER BY rank;
