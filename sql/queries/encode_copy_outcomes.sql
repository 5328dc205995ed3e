-- What became of the documents of one batch.
COPY trackstar.encoded_document (encoding_id, document_id, outcome, token_count, is_truncated, norm) FROM STDIN (FORMAT BINARY);
