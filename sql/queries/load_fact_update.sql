-- The facts of one part that replace a stored one; their entities and relations are there.
UPDATE trackstar.fact stored
SET subject_entity_id = subject.entity_id, relation_id = r.relation_id, object_entity_id = object.entity_id,
    is_repetition = new.is_repetition, prompts = new.prompts, metadata = new.metadata,
    content_digest = new.content_digest
FROM pg_temp.load_fact new
JOIN trackstar.entity subject ON subject.uri = new.subject_uri
JOIN trackstar.relation r ON r.uri = new.relation_uri
JOIN trackstar.entity object ON object.uri = new.object_uri
WHERE stored.fact_id = new.fact_id AND new.place >= %(first_update)s;
