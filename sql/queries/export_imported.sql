-- The records of an imported run in their order: the fields that the tables hold, by name, and those that were kept.
SELECT i.fields, i.metadata,
       q.external_id AS example_id, q.external_id AS trex_id, s.name AS query_set,
       q.prompt AS inputs_plaintext, q.target AS targets_plaintext, q.fact_id,
       p.texts AS proponents, p.external_ids AS proponent_ids, p.scores AS proponent_scores,
       o.texts AS opponents, o.external_ids AS opponent_ids, o.scores AS opponent_scores
FROM trackstar.run_query i
JOIN trackstar.query q USING (query_id)
JOIN trackstar.query_set s USING (query_set_id)
CROSS JOIN LATERAL trackstar.retrieved(i.run_id, i.query_id, 'proponent') p
CROSS JOIN LATERAL trackstar.retrieved(i.run_id, i.query_id, 'opponent') o
WHERE i.run_id = %(run_id)s
ORDER BY i.position;
