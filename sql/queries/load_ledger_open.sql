-- The unfinished load of a source, begun where there is none.
WITH unfinished AS (
    SELECT load_id FROM trackstar.load
    WHERE kind = %(kind)s AND destination = %(destination)s AND source = %(source)s
      AND settings = %(settings)s::jsonb AND finished_at IS NULL
), begun AS (
    INSERT INTO trackstar.load (kind, destination, source, settings)
    SELECT %(kind)s, %(destination)s, %(source)s, %(settings)s::jsonb
    WHERE NOT EXISTS (SELECT FROM unfinished)
    RETURNING load_id
)
SELECT load_id FROM unfinished UNION ALL SELECT load_id FROM begun;
