-- Of what kind are the first ten proponents: do they state the fact, or share a name, a relation, nothing?
WITH parameter AS (SELECT
    'proponent'::text AS direction  -- proponent or opponent
)
SELECT run, kind, proponents, round(share::numeric, 3) AS share
FROM tda.proponent_kind
JOIN parameter USING (direction)
ORDER BY run, proponents DESC, kind;
