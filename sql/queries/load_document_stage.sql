-- An empty table for the documents of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_document (
    place           integer NOT NULL,
    external_id     text NOT NULL,
    text            text NOT NULL,
    metadata        jsonb NOT NULL,
    content_digest  bytea NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_document;
