-- Texts of documents, in the order they were loaded.
SELECT document_id, external_id, text, content_digest
FROM trackstar.document
WHERE document_id = ANY(%(document_ids)s)
ORDER BY document_id;
