-- The documents of one part, in the source's order.
COPY pg_temp.load_document (place, external_id, text, metadata, content_digest) FROM STDIN;
