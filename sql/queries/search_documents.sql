-- The documents to rank behind a document, of one corpus or of all, and where an encoding is given of those that it has
-- encoded, in the order they were loaded.
SELECT d.document_id, d.text
FROM trackstar.document d
WHERE d.document_id > %(after)s
  AND (%(corpus_id)s::bigint IS NULL OR d.corpus_id = %(corpus_id)s)
  AND (%(encoding_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM trackstar.encoded_document e
                  WHERE e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id AND e.outcome = 'stored'))
ORDER BY d.document_id
LIMIT %(size)s;
