-- The new facts of one part; their entities and relations are there.
INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, is_repetition, prompts,
                            metadata, content_digest)
SELECT new.fact_id, subject.entity_id, r.relation_id, object.entity_id, new.is_repetition, new.prompts,
       new.metadata, new.content_digest
FROM pg_temp.load_fact new
JOIN trackstar.entity subject ON subject.uri = new.subject_uri
JOIN trackstar.relation r ON r.uri = new.relation_uri
JOIN trackstar.entity object ON object.uri = new.object_uri
WHERE new.place < %(first_update)s
ORDER BY new.place
ON CONFLICT (fact_id) DO NOTHING;
