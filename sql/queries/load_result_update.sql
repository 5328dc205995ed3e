-- The results of one part that replace one of the run, in its place.
UPDATE trackstar.run_query stored
SET fields = new.fields, metadata = new.metadata, content_digest = new.content_digest
FROM pg_temp.load_result new
WHERE stored.run_id = %(run_id)s AND stored.query_id = new.query_id AND new.place >= %(first_update)s;
