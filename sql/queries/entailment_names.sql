-- All names of some entities.
SELECT entity_id, array_prepend(label, aliases) FROM trackstar.entity WHERE entity_id = ANY(%(entity_ids)s);
