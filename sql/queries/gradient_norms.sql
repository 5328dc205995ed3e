-- The documents of a span that have a gradient, with the norms they had and, for a task, the norms they have under it.
SELECT e.document_id, e.norm, t.norm
FROM trackstar.encoded_document e
LEFT JOIN trackstar.task_document t
       ON t.task_id = %(task_id)s AND t.document_id = e.document_id
      AND t.document_id > %(after)s AND t.document_id <= %(through)s
WHERE e.encoding_id = %(encoding_id)s AND e.outcome = 'stored'
  AND e.document_id > %(after)s AND e.document_id <= %(through)s
  AND (NOT %(is_filtered)s
       OR EXISTS (SELECT FROM trackstar.document d
                  WHERE d.document_id = e.document_id
                    AND (%(corpus_id)s::bigint IS NULL OR d.corpus_id = %(corpus_id)s)
                    AND (%(metadata)s::jsonb IS NULL OR d.metadata @> %(metadata)s)
                    AND (%(relation_ids)s::bigint[] IS NULL
                         OR EXISTS (SELECT FROM trackstar.annotation a
                                    JOIN trackstar.fact f USING (fact_id)
                                    WHERE a.document_external_id = d.external_id
                                      AND f.relation_id = ANY (%(relation_ids)s)))))
ORDER BY e.document_id;
