-- The gradients of one batch in one or two bits a number, straight into the encoding's partition.
COPY trackstar.{partition} (encoding_id, document_id, scale, code) FROM STDIN (FORMAT BINARY);
