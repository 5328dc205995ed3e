-- The documents of an external id: one in each corpus.
SELECT c.name AS corpus, d.external_id, d.text
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id)
WHERE d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus)) AND d.external_id = %(document)s
  AND c.name = coalesce(%(corpus)s, c.name)
ORDER BY d.document_id;
