-- The queries of a set, what their answers are judged by, and how a model was asked before.
SELECT q.query_id, q.external_id, q.prompt, q.target, q.content_digest, q.metadata,
       CASE WHEN o.entity_id IS NOT NULL THEN array_prepend(o.label, o.aliases) END AS names,
       p.seed, cardinality(p.samples) AS samples, p.max_new_tokens,
       ARRAY(SELECT jsonb_object_keys(p.alternatives)) AS alternatives
FROM trackstar.query q
LEFT JOIN trackstar.fact f USING (fact_id)
LEFT JOIN trackstar.entity o ON o.entity_id = f.object_entity_id
LEFT JOIN trackstar.prediction p ON p.model_id = %(model_id)s AND p.query_id = q.query_id
WHERE q.query_set_id = %(query_set_id)s
ORDER BY q.query_id;
