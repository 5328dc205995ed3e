-- The documents at some ranks of a query in a run.
SELECT p.rank, p.influence AS stored_influence, c.name AS corpus, d.external_id, d.text
FROM trackstar.proponent p
JOIN trackstar.document d USING (document_id)
JOIN trackstar.corpus c USING (corpus_id)
WHERE p.run_id = %(run_id)s AND p.query_id = %(query_id)s AND p.direction = %(direction)s
  AND p.rank = ANY(%(ranks)s);
