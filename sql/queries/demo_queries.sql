-- Queries of a set by their ids in the source, with every name of the target.
SELECT q.query_id, q.prompt, q.target, q.relation, f.object_aliases
FROM tda.query q JOIN tda.fact f USING (fact_id)
WHERE q.query_set = %(query_set)s AND q.external_id = ANY(%(external_ids)s)
ORDER BY array_position(%(external_ids)s, q.external_id);
