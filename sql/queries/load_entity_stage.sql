-- An empty table for the entities that the facts of one part name.
CREATE TEMPORARY TABLE IF NOT EXISTS load_entity (
    place    integer NOT NULL,
    uri      text NOT NULL,
    label    text NOT NULL,
    aliases  text[] NOT NULL
) ON COMMIT DROP;
TRUNCATE pg_temp.load_entity;
