-- The documents to rank that are annotated with the facts of a query set, in the order they were loaded.
SELECT q.query_id, d.document_id
FROM trackstar.query q
JOIN trackstar.annotation a USING (fact_id)
JOIN trackstar.document d ON d.external_id = a.document_external_id
     AND d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus))
WHERE q.query_set_id = %(query_set_id)s
  AND (%(corpus_id)s::bigint IS NULL OR d.corpus_id = %(corpus_id)s)
  AND (%(encoding_id)s::bigint IS NULL
       OR EXISTS (SELECT FROM trackstar.encoded_document e
                  WHERE e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id AND e.outcome = 'stored'))
ORDER BY q.query_id, d.document_id;
