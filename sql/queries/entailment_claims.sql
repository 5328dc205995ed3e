-- What the documents may state: the facts that some runs ask for, in their first prompt's words, and the queries that
-- are no facts.
SELECT DISTINCT ON (q.fact_id, CASE WHEN q.fact_id IS NULL THEN q.query_id END)
       q.fact_id, CASE WHEN q.fact_id IS NULL THEN q.query_id END AS query_id,
       coalesce((SELECT prompt FROM unnest(f.prompts) WITH ORDINALITY p (prompt, place)
                 WHERE btrim(prompt) <> '' ORDER BY place LIMIT 1), q.prompt) AS prompt,
       coalesce(object.label, q.target) AS target, f.subject_entity_id, f.object_entity_id
FROM trackstar.query q
LEFT JOIN trackstar.fact f USING (fact_id)
LEFT JOIN trackstar.entity object ON object.entity_id = f.object_entity_id
WHERE q.query_id IN (SELECT query_id FROM trackstar.proponent
                     WHERE run_id = ANY(%(run_ids)s) AND direction = 'proponent' AND rank <= %(k)s)
ORDER BY q.fact_id, CASE WHEN q.fact_id IS NULL THEN q.query_id END, q.query_id;
