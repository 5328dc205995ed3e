-- Which of some documents are loaded, by corpus.
SELECT d.external_id, c.name, d.document_id
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id)
WHERE d.external_id = ANY(%(keys)s);
