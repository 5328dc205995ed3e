-- Norms of documents under a task.
COPY trackstar.task_document (task_id, encoding_id, document_id, norm) FROM STDIN (FORMAT BINARY);
