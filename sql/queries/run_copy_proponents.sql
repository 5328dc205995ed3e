-- The proponents and opponents of a run.
COPY trackstar.proponent (run_id, query_id, direction, rank, document_id, influence) FROM STDIN (FORMAT BINARY);
