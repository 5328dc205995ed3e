-- The facts of an opened file.
INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, content_digest)
SELECT DISTINCT ON (s.fact_id) s.fact_id, subject.entity_id, r.relation_id, object.entity_id, sha256('')
FROM said s
JOIN trackstar.relation r ON r.uri = s.relation_uri
JOIN trackstar.entity subject
    ON subject.uri = CASE WHEN s.subject IS NULL THEN 'unknown:' ELSE 'subject:' END || s.fact_id
JOIN trackstar.entity object ON object.uri = 'object:' || s.fact_id
WHERE s.fact_id IS NOT NULL
ORDER BY s.fact_id, s.query_id
ON CONFLICT DO NOTHING;
