-- An empty table for the queries of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_query (
    place           integer NOT NULL,
    external_id     text NOT NULL,
    prompt          text NOT NULL,
    target          text NOT NULL,
    fact_id         text,
    metadata        jsonb NOT NULL,
    content_digest  bytea NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_query;
