-- Names of documents and of their corpora, in the order of the documents' numbers.
SELECT d.external_id, c.name
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id)
WHERE d.document_id = ANY(%(document_ids)s)
ORDER BY d.document_id;
