-- Which strong proponents neither state the fact nor name its subject or object?
-- These are influence without attribution: look here for what a method sees that a reader does not.
WITH parameter AS NOT MATERIALIZED (SELECT
    'demo'::text AS run,  -- the run to look at
    3::integer AS k       -- how many first proponents of a query count
), sharing AS MATERIALIZED (
    SELECT query_id, rank, kind
    FROM tda.proponent_explanation
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
), found AS MATERIALIZED (
    SELECT query_id, rank, prompt, target, influence, text
    FROM tda.proponent
    JOIN parameter USING (run)
    WHERE direction = 'proponent' AND rank <= k
)
SELECT prompt, target, rank, round(influence::numeric, 3) AS influence, kind, text
FROM found
JOIN sharing USING (query_id, rank)
WHERE kind IN ('same_relation', 'other')
ORDER BY found.influence DESC NULLS LAST, query_id
LIMIT 25;
