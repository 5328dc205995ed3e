-- Every gradient of an encoding, in the order of the documents.
COPY (SELECT document_id, gradient FROM trackstar.{partition} ORDER BY document_id) TO STDOUT (FORMAT BINARY);
