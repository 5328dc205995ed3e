-- Which documents are among the first proponents of no query, and how many are there of each corpus?
-- The ten longest of each corpus are shown.
WITH parameter AS (SELECT
    'demo'::text AS run,  -- the run to look at
    10::integer AS k      -- how many first proponents of a query count
), found AS MATERIALIZED (
    SELECT DISTINCT document_id
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
)
SELECT corpus, documents_never_found, external_id, token_count, text
FROM (SELECT corpus, external_id, token_count, text,
             count(*) OVER (PARTITION BY corpus) AS documents_never_found,
             row_number() OVER (PARTITION BY corpus ORDER BY token_count DESC NULLS LAST, external_id) AS place
      FROM tda.document
      WHERE document_id NOT IN (SELECT document_id FROM found)) AS never
WHERE place <= 10
ORDER BY corpus, place;
