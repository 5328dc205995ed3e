-- The documents of one part that replace a stored text or metadata.
UPDATE trackstar.document stored
SET text = new.text, metadata = new.metadata, content_digest = new.content_digest
FROM pg_temp.load_document new
WHERE stored.corpus_id = %(corpus_id)s
  AND stored.external_id = new.external_id
  AND new.place >= %(first_update)s;
