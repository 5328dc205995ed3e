-- An empty table for the facts of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_fact (
    place           integer NOT NULL,
    fact_id         text NOT NULL,
    subject_uri     text NOT NULL,
    relation_uri    text NOT NULL,
    object_uri      text NOT NULL,
    is_repetition   boolean NOT NULL,
    prompts         text[] NOT NULL,
    metadata        jsonb NOT NULL,
    frequency       bigint,
    content_digest  bytea NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_fact;
