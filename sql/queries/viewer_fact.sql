-- The fact that a query asks for.
SELECT fact_id, subject, relation, object, subject_uri, relation_uri, object_uri, subject_aliases, object_aliases,
       fact_frequency, frequency_bucket, annotated_documents
FROM tda.fact
WHERE fact_id = %(fact_id)s;
