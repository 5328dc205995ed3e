-- Subjects and objects of an opened file's facts. One whose name the file does not tell is called by its fact's id.
INSERT INTO trackstar.entity (uri, label, aliases)
SELECT DISTINCT ON (ends.uri) ends.uri, ends.label,
       ARRAY(SELECT a.name FROM jsonb_array_elements_text(coalesce(ends.aliases, '[]')) a (name) WHERE a.name <> '')
FROM said s
CROSS JOIN LATERAL (VALUES
    (CASE WHEN s.subject IS NULL THEN 'unknown:' ELSE 'subject:' END || s.fact_id, coalesce(s.subject, s.fact_id),
     s.subject_aliases),
    ('object:' || s.fact_id, s.target, s.object_aliases)) ends (uri, label, aliases)
WHERE s.fact_id IS NOT NULL
ORDER BY ends.uri, s.query_id
ON CONFLICT DO NOTHING;
