-- What the corpus holds of some documents.
SELECT external_id, content_digest
FROM trackstar.document
WHERE corpus_id = %(corpus_id)s AND external_id = ANY(%(keys)s);
