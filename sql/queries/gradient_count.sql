-- How many gradients an encoding has, of one corpus or of all, and how many of them without the norm they had.
SELECT count(*), count(*) FILTER (WHERE e.norm IS NULL)
FROM trackstar.encoded_document e
WHERE e.encoding_id = %(encoding_id)s AND e.outcome = 'stored'
  AND (%(corpus_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM trackstar.document d
                  WHERE d.corpus_id = %(corpus_id)s AND d.document_id = e.document_id));
