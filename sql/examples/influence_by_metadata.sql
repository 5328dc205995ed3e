-- Which kinds of documents, by a field of their metadata, are found more often than there are such documents?
-- lift is the share among proponents divided by the share among documents: above 1 they are found more often.
WITH parameter AS NOT MATERIALIZED (SELECT
    'demo'::text AS run,    -- the run to look at
    'kind'::text AS field,  -- the field of the documents' metadata
    10::integer AS k        -- how many first proponents of a query count
), document AS (
    SELECT document_id, metadata ->> field AS value
    FROM tda.document, parameter
), found AS (
    SELECT value, count(*) AS proponents
    FROM tda.proponent
    JOIN parameter USING (run)
    JOIN document USING (document_id)
    WHERE direction = 'proponent' AND rank <= k
    GROUP BY value
)
SELECT stored.value, documents, coalesce(proponents, 0) AS proponents,
       round(coalesce(proponents, 0) / sum(proponents) OVER () / (documents / sum(documents) OVER ()), 2) AS lift
FROM (SELECT value, count(*) AS documents FROM document GROUP BY value) stored
LEFT JOIN found ON found.value IS NOT DISTINCT FROM stored.value
ORDER BY lift DESC NULLS LAST, stored.value;
