-- The gradients of one batch by layer block, straight into the encoding's partition.
COPY trackstar.{partition} (encoding_id, document_id, block, gradient) FROM STDIN (FORMAT BINARY);
