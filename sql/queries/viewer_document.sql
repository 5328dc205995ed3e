-- One document.
SELECT d.document_id, d.corpus, d.external_id, d.text, d.token_count, d.metadata, d.loaded_at
FROM tda.document d
WHERE d.document_id = %(document_id)s;
