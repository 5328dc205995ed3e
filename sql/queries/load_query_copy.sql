-- The queries of one part, in the source's order.
COPY pg_temp.load_query (place, external_id, prompt, target, fact_id, metadata, content_digest) FROM STDIN;
