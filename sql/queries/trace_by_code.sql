-- The documents with the highest influence on one gradient, where documents have codes, by an exact scan.
SELECT n.document_id, %(sign)s * n.influence AS influence, d.corpus, d.external_id, d.text
FROM trackstar.nearest_by_code(%(encoding_id)s, NULL, %(direction)s::real[], %(k)s,
                               trackstar.matching_documents(%(corpus)s, %(relation)s, %(metadata)s)) n
JOIN tda.document d USING (document_id)
ORDER BY n.influence DESC, n.document_id;
