-- An empty table for the labels of one part.
CREATE TEMPORARY TABLE IF NOT EXISTS load_label (
    place        integer NOT NULL,
    document_id  bigint NOT NULL,
    fact_id      text,
    query_id     bigint,
    labeler      text NOT NULL,
    score        double precision NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_label;
