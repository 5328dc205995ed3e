-- What the records of an opened file say of facts, one row a query. A record without fact_id that speaks of a fact gets
-- an id from its query's; a subject or relation that the file does not name is unknown.
CREATE TEMPORARY TABLE said ON COMMIT DROP AS
SELECT q.query_id, q.external_id, q.target, k.run_id,
       coalesce(m.kept ->> 'fact_id', 'query:' || q.external_id) AS fact_id,
       coalesce(record.relation, 'unknown') AS relation,
       coalesce(m.kept ->> 'predicate_uri', 'relation:' || coalesce(record.relation, 'unknown')) AS relation_uri,
       nullif(m.kept ->> 'entity0', '') AS subject,
       CASE WHEN jsonb_typeof(m.kept -> 'entity0_alias') = 'array' THEN m.kept -> 'entity0_alias' END AS subject_aliases,
       CASE WHEN jsonb_typeof(m.kept -> 'entity1_alias') = 'array' THEN m.kept -> 'entity1_alias' END AS object_aliases,
       CASE WHEN jsonb_typeof(m.kept -> 'proponent_correct') = 'array' THEN m.kept -> 'proponent_correct' END AS correct
FROM trackstar.run_query k
JOIN trackstar.query q ON q.query_id = k.query_id
CROSS JOIN LATERAL (SELECT k.metadata::jsonb AS kept) m
CROSS JOIN LATERAL tda.imported_record(m.kept) record
WHERE k.run_id = %(run_id)s
  AND num_nonnulls(m.kept ->> 'fact_id', record.relation, record.fact_frequency, record.has_annotated_document,
                   record.correct_in_ten) > 0;
