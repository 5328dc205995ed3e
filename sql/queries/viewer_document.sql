-- One document, with a part of its text.
SELECT d.document_id, d.corpus, d.external_id, substr(d.text, %(skipped)s::integer + 1, %(size)s) AS text,
       length(d.text) AS characters, d.token_count, d.metadata, d.loaded_at
FROM tda.document d
WHERE d.document_id = %(document_id)s;
