-- Every fact with its subject and object, always in the same order.
SELECT fact_id, subject_entity_id, object_entity_id FROM trackstar.fact ORDER BY fact_id COLLATE "C";
