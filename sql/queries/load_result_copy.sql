-- The results of one part, in the source's order.
COPY pg_temp.load_result (place, query_id, fields, metadata, content_digest) FROM STDIN;
