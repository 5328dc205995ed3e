-- The annotations of one part.
COPY pg_temp.load_annotation (place, fact_id, document_external_id) FROM STDIN;
