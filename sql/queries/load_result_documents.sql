-- Some documents of a corpus, and what their texts are.
SELECT external_id, document_id, sha256(convert_to(text, 'UTF8'))
FROM trackstar.document
WHERE corpus_id = %(corpus_id)s AND external_id = ANY(%(keys)s);
