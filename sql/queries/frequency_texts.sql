-- The texts of the next documents of a corpus, in the order they were loaded.
SELECT document_id, text
FROM trackstar.document
WHERE corpus_id = %(corpus_id)s AND document_id > %(after)s
ORDER BY document_id
LIMIT %(size)s;
