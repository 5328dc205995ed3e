-- Every entity that a fact speaks of, with all its names.
SELECT entity_id, array_prepend(label, aliases)
FROM trackstar.entity
WHERE entity_id IN (SELECT subject_entity_id FROM trackstar.fact UNION ALL SELECT object_entity_id FROM trackstar.fact)
ORDER BY entity_id;
