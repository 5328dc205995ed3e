-- The documents with a gradient under any of some encodings, cut into spans of so many: the last of each, how many
-- gradients it has, and a number that changes when one of them is encoded again, added or taken away.
SELECT max(document_id), count(*), sum(hashint8extended(document_id, written))::text
FROM (SELECT e.document_id, e.xmin::text::bigint * 1000003 + e.encoding_id AS written,
             (dense_rank() OVER (ORDER BY e.document_id) - 1) / %(size)s AS span
      FROM trackstar.encoded_document e
      WHERE e.encoding_id = ANY (%(encoding_ids)s) AND e.outcome = 'stored'
        AND (NOT %(is_filtered)s
             OR EXISTS (SELECT FROM trackstar.document d
                        WHERE d.document_id = e.document_id
                          AND (%(corpus_id)s::bigint IS NULL OR d.corpus_id = %(corpus_id)s)
                          AND (%(metadata)s::jsonb IS NULL OR d.metadata @> %(metadata)s)
                          AND (%(relation_ids)s::bigint[] IS NULL
                               OR EXISTS (SELECT FROM trackstar.annotation a
                                          JOIN trackstar.fact f USING (fact_id)
                                          WHERE a.document_external_id = d.external_id
                                            AND f.relation_id = ANY (%(relation_ids)s)))))) numbered
GROUP BY span
ORDER BY span;
