-- What the records of an opened file say of facts and relations, one row a query. Only a record that says which
-- proponents are correct makes a fact, as the queries of facts are judged; without fact_id it gets an id from its query's.
-- A subject or relation that the file does not name is unknown.
CREATE TEMPORARY TABLE said ON COMMIT DROP AS
SELECT q.query_id, q.external_id, q.target, k.run_id,
       CASE WHEN record.correct_in_ten IS NOT NULL
            THEN coalesce(m.kept ->> 'fact_id', 'query:' || q.external_id) END AS fact_id,
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
  AND num_nonnulls(record.relation, record.correct_in_ten) > 0;
