-- How many documents of a corpus there are, and how many are encoded.
SELECT count(*) AS documents, count(e.document_id) AS encoded
FROM trackstar.document d
LEFT JOIN trackstar.encoded_document e ON e.encoding_id = %(encoding_id)s AND e.document_id = d.document_id
WHERE d.corpus_id = %(corpus_id)s;
