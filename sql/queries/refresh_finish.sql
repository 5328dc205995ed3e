-- Note what a refresh did: as of the moment at which it began.
UPDATE trackstar.refresh
SET refreshed_at = now(), duration_seconds = extract(epoch FROM clock_timestamp() - now()),
    rows = (SELECT count(*) FROM trackstar.{name})
WHERE name = %(name)s
RETURNING rows, duration_seconds, refreshed_at;
