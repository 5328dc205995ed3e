-- Which queries have another first proponent in a second run?
WITH parameter AS NOT MATERIALIZED (SELECT
    'demo'::text AS run,            -- the run to start from
    'demo/bm25'::text AS other_run  -- the run to compare it with, over the same queries
), first AS MATERIALIZED (
    SELECT query_id, prompt, target, document_id, is_annotated, text
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank = 1
), other_first AS MATERIALIZED (
    SELECT query_id, document_id, is_annotated, text
    FROM tda.proponent p
    JOIN parameter ON parameter.other_run = p.run
    WHERE direction = 'proponent' AND rank = 1
)
SELECT prompt, target, a.is_annotated AS states_fact, a.text AS first, b.is_annotated AS other_states_fact,
       b.text AS other_first
FROM first a
JOIN other_first b USING (query_id)
WHERE b.document_id <> a.document_id
ORDER BY a.is_annotated DESC NULLS LAST, b.is_annotated, query_id
LIMIT 25;
