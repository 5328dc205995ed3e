-- The unfinished load of a source, begun where there is none.
INSERT INTO trackstar.load (kind, destination, source, settings)
VALUES (%(kind)s, %(destination)s, %(source)s, %(settings)s::jsonb)
ON CONFLICT (kind, destination, source, settings) WHERE finished_at IS NULL
DO UPDATE SET source = EXCLUDED.source
RETURNING load_id;
