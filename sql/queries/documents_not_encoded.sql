-- How many documents of one corpus, or of the corpora that an encoding has begun, are not encoded yet.
SELECT count(*)
FROM trackstar.document d
WHERE d.corpus_id IN (SELECT c.corpus_id FROM trackstar.corpus c
                      WHERE (%(corpus_id)s::bigint IS NULL OR c.corpus_id = %(corpus_id)s)
                        AND EXISTS (SELECT FROM trackstar.encoded_document e
                                    JOIN trackstar.document of_corpus USING (document_id)
                                    WHERE e.encoding_id = %(encoding_id)s AND of_corpus.corpus_id = c.corpus_id))
  AND NOT EXISTS (SELECT FROM trackstar.encoded_document e
                  WHERE e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id);
