-- Which of some documents are loaded, by corpus.
SELECT d.external_id, c.name, d.document_id
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id)
WHERE d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus)) AND d.external_id = ANY(%(keys)s);
