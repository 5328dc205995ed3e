-- An empty table for the annotations of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_annotation (
    place                 integer NOT NULL,
    fact_id               text NOT NULL,
    document_external_id  text NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_annotation;
