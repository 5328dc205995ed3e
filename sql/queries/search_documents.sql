-- The documents to rank behind a document, of one corpus or of all, in the order they were loaded.
SELECT document_id, text
FROM trackstar.document
WHERE document_id > %(after)s AND (%(corpus_id)s::bigint IS NULL OR corpus_id = %(corpus_id)s)
ORDER BY document_id
LIMIT %(size)s;
