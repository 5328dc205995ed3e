-- A source is read to its end; unfinished loads of it with other settings are no longer anybody's work.
WITH finished AS (
    UPDATE trackstar.load SET finished_at = now() WHERE load_id = %(load_id)s RETURNING kind, destination, source
)
DELETE FROM trackstar.load superseded
USING finished
WHERE superseded.kind = finished.kind AND superseded.destination = finished.destination
  AND superseded.source = finished.source AND superseded.finished_at IS NULL
  AND superseded.load_id <> %(load_id)s AND %(is_whole)s;
