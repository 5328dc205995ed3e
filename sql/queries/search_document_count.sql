-- How many documents there are to rank, of one corpus or of all, and where an encoding is given of those it has encoded.
SELECT count(*)
FROM trackstar.document d
WHERE (%(corpus_id)s::bigint IS NULL OR d.corpus_id = %(corpus_id)s)
  AND (%(encoding_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM trackstar.encoded_document e
                  WHERE e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id AND e.outcome = 'stored'));
