-- The gradients of one batch, straight into the encoding's partition.
COPY trackstar.{partition} (encoding_id, document_id, gradient) FROM STDIN (FORMAT BINARY);
