-- How does the share of proponents that state the fact fall with their rank, by annotation and by entailment?
-- entailed is of the labelled ones; trackstar judge entailment labels the first ten, and further down only documents that
-- are among another run's first ten.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- down to which rank
)
SELECT rank, round(avg(is_annotated::integer), 3) AS annotated, round(avg(is_entailed::integer), 3) AS entailed,
       count(is_entailed) AS labelled, count(*) AS proponents
FROM tda.proponent
JOIN parameter USING (run)
WHERE direction = 'proponent' AND rank <= k AND fact_id IS NOT NULL
GROUP BY rank
ORDER BY rank;
