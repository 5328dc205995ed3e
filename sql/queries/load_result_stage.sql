-- An empty table for the results of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_result (
    place           integer NOT NULL,
    query_id        bigint NOT NULL,
    fields          text[] NOT NULL,
    metadata        json NOT NULL,
    content_digest  bytea NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_result;
