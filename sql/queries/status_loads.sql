-- Loads that were begun and not finished.
SELECT kind, destination, source, started_at
FROM trackstar.load
WHERE finished_at IS NULL
ORDER BY started_at, load_id;
