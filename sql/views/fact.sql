-- Every fact, with how often a corpus holds it and how many loaded documents are annotated with it.
CREATE OR REPLACE VIEW tda.fact AS
SELECT f.fact_id, subject.label AS subject, r.label AS relation, object.label AS object,
       subject.uri AS subject_uri, r.uri AS relation_uri, object.uri AS object_uri,
       subject.aliases AS subject_aliases, object.aliases AS object_aliases,
       f.is_repetition, f.prompts, frequency.fact_frequency,
       tda.frequency_bucket(frequency.fact_frequency) AS frequency_bucket,
       (SELECT count(*)
        FROM trackstar.annotation a
        JOIN trackstar.document d ON d.external_id = a.document_external_id
             AND d.corpus_id = ANY (ARRAY(SELECT corpus_id FROM trackstar.corpus))
        WHERE a.fact_id = f.fact_id) AS annotated_documents,
       f.metadata
FROM trackstar.fact f
JOIN trackstar.relation r USING (relation_id)
JOIN trackstar.entity subject ON subject.entity_id = f.subject_entity_id
JOIN trackstar.entity object ON object.entity_id = f.object_entity_id
LEFT JOIN (SELECT fact_id, max(frequency) AS fact_frequency
           FROM trackstar.fact_frequency GROUP BY fact_id) frequency USING (fact_id);

COMMENT ON VIEW tda.fact IS 'Facts (subject, relation, object), one row each.';
COMMENT ON COLUMN tda.fact.fact_id IS 'The fact''s id in its source.';
COMMENT ON COLUMN tda.fact.subject IS 'Label of the subject.';
COMMENT ON COLUMN tda.fact.relation IS 'Label of the relation.';
COMMENT ON COLUMN tda.fact.object IS 'Label of the object: what a prompt about the fact asks for.';
COMMENT ON COLUMN tda.fact.subject_uri IS 'Identifier of the subject, such as Q142.';
COMMENT ON COLUMN tda.fact.relation_uri IS 'Identifier of the relation, such as P36.';
COMMENT ON COLUMN tda.fact.object_uri IS 'Identifier of the object, such as Q90.';
COMMENT ON COLUMN tda.fact.subject_aliases IS 'Other names of the subject.';
COMMENT ON COLUMN tda.fact.object_aliases IS 'Other names of the object.';
COMMENT ON COLUMN tda.fact.is_repetition IS 'Whether the object''s name is part of the subject''s name.';
COMMENT ON COLUMN tda.fact.prompts IS 'Prompts that end where the object should follow, prompt0 first.';
COMMENT ON COLUMN tda.fact.fact_frequency IS
    'Documents that hold the fact by string matching: the largest count over the corpora counted; empty if never counted.';
COMMENT ON COLUMN tda.fact.frequency_bucket IS 'Bucket 0 to 5 of fact_frequency, by tda.frequency_bucket.';
COMMENT ON COLUMN tda.fact.annotated_documents IS 'Loaded documents that the source says state the fact.';
COMMENT ON COLUMN tda.fact.metadata IS 'Every other field of the source, as JSON.';
