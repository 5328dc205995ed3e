-- Documents that an encoding has a gradient of, of one corpus or of all, in the order they were loaded.
SELECT document_id
FROM trackstar.encoded_document
JOIN trackstar.document USING (document_id)
WHERE encoding_id = %(encoding_id)s AND outcome = 'stored'
  AND (%(corpus_id)s::bigint IS NULL OR corpus_id = %(corpus_id)s)
ORDER BY document_id;
