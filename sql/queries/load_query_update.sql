-- The queries of one part that replace a stored one.
UPDATE trackstar.query stored
SET prompt = new.prompt, target = new.target, fact_id = new.fact_id, metadata = new.metadata,
    content_digest = new.content_digest
FROM pg_temp.load_query new
WHERE stored.query_set_id = %(query_set_id)s
  AND stored.external_id = new.external_id
  AND new.place >= %(first_update)s;
