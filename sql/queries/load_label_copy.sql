-- The labels of one part, in the source's order.
COPY pg_temp.load_label (place, document_id, fact_id, query_id, labeler, score) FROM STDIN;
