-- Every document of a corpus, in the order they were loaded.
SELECT document_id, content_digest, text
FROM trackstar.document
WHERE corpus_id = %(corpus_id)s
ORDER BY document_id;
