-- The fact that a query asks for.
SELECT fact_id, subject, relation, object, subject_uri, subject_aliases, object_aliases
FROM tda.fact
WHERE fact_id = %(fact_id)s;
