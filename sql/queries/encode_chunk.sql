-- The next documents of a corpus, in the order they were loaded, and whether each is encoded.
SELECT d.document_id, e.document_id IS NOT NULL AS is_encoded
FROM (SELECT document_id
      FROM trackstar.document
      WHERE corpus_id = %(corpus_id)s AND document_id > %(after)s
      ORDER BY document_id
      LIMIT %(size)s) d
LEFT JOIN trackstar.encoded_document e ON e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id
ORDER BY d.document_id;
