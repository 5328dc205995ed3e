-- Corpora that an encoding was fitted on or has begun, with documents that it has not read yet.
WITH read AS (
    SELECT e.encoding_id, d.corpus_id, count(*) AS documents
    FROM trackstar.encoded_document e
    JOIN trackstar.document d USING (document_id)
    GROUP BY e.encoding_id, d.corpus_id
), wanted AS (
    SELECT encoding_id, corpus_id FROM read
    UNION
    SELECT e.encoding_id, c.corpus_id
    FROM trackstar.encoding e
    JOIN trackstar.corpus c ON c.name = e.recipe ->> 'corpus'
), held AS (
    SELECT corpus_id, count(*) AS documents FROM trackstar.document GROUP BY corpus_id
)
SELECT e.name AS encoding, c.name AS corpus, h.documents - coalesce(r.documents, 0) AS documents_left
FROM wanted w
JOIN trackstar.encoding e USING (encoding_id)
JOIN trackstar.corpus c USING (corpus_id)
JOIN held h USING (corpus_id)
LEFT JOIN read r USING (encoding_id, corpus_id)
WHERE h.documents > coalesce(r.documents, 0)
ORDER BY e.name, c.name;
