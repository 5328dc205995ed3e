-- The index by which trackstar.find_words finds documents; others may write meanwhile.
CREATE INDEX CONCURRENTLY document_words ON trackstar.document
    USING gin (to_tsvector('pg_catalog.simple'::regconfig, left(text, 100000)));
