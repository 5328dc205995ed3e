-- What tda.query_overview has, of a run that is not refreshed: from the plain views, query by query, which the LIMITs do.
-- A record's relation counts where one of this name is loaded, as there.
SELECT r.run_id, k.run, r.method, r.query_set, k.query_id, q.external_id, q.prompt, q.target, q.fact_id,
       coalesce(q.relation, (SELECT min(known.relation) FROM tda.relation known WHERE known.relation = record.relation))
           AS relation,
       coalesce(record.frequency_bucket, tda.frequency_bucket(record.fact_frequency), a.frequency_bucket,
                s.frequency_bucket) AS frequency_bucket,
       coalesce(record.fact_frequency, f.fact_frequency) AS fact_frequency,
       coalesce(record.has_annotated_document, f.annotated_documents > 0) AS has_annotated_document, k.position,
       found.proponents, coalesce(record.confidence, said.confidence) AS confidence,
       coalesce(record.is_correct, said.is_correct) AS is_correct,
       coalesce(a.reciprocal_rank, judged.reciprocal_rank) AS reciprocal_rank,
       coalesce(a.recall_at_10, judged.recall_at_10) AS recall_at_10,
       coalesce(a.precision_at_10, judged.precision_at_10) AS precision_at_10, found.best_ais_score,
       s.reciprocal_rank AS ais_reciprocal_rank, s.recall_at_10 AS ais_recall_at_10,
       s.precision_at_10 AS ais_precision_at_10, found.tail_patch_delta
FROM tda.run r
JOIN tda.run_query k ON k.run_id = r.run_id
CROSS JOIN LATERAL (SELECT known.external_id, known.prompt, known.target, known.fact_id, known.relation
                    FROM tda.query known WHERE known.query_id = k.query_id LIMIT 1) q
LEFT JOIN LATERAL (SELECT known.fact_frequency, known.annotated_documents
                   FROM tda.fact known WHERE known.fact_id = q.fact_id LIMIT 1) f ON true
LEFT JOIN LATERAL (SELECT m.frequency_bucket, m.reciprocal_rank, m.recall_at_10, m.precision_at_10
                   FROM tda.query_metric m
                   WHERE m.run = k.run AND m.query_id = k.query_id AND m.judge = 'annotation' LIMIT 1) a ON true
LEFT JOIN LATERAL (SELECT m.frequency_bucket, m.reciprocal_rank, m.recall_at_10, m.precision_at_10
                   FROM tda.query_metric m
                   WHERE m.run = k.run AND m.query_id = k.query_id AND m.judge = 'ais' LIMIT 1) s ON true
LEFT JOIN LATERAL (SELECT count(*) AS proponents, max(p.ais_score) AS best_ais_score,
                          avg(p.tail_patch_delta) FILTER (WHERE p.rank <= 10) AS tail_patch_delta
                   FROM tda.proponent p
                   WHERE p.run = k.run AND p.query_id = k.query_id AND p.direction = 'proponent') found ON true
LEFT JOIN LATERAL (SELECT p.confidence, p.is_correct
                   FROM tda.prediction p
                   LEFT JOIN tda.encoding e ON e.encoding = r.encoding
                   WHERE p.query_id = k.query_id AND (p.model_digest = e.model_digest OR r.encoding IS NULL)
                   ORDER BY p.predicted_at DESC
                   LIMIT 1) said ON true
LEFT JOIN LATERAL tda.imported_record(k.metadata) record ON k.metadata IS NOT NULL
LEFT JOIN LATERAL (SELECT coalesce(1 / record.first_correct_rank::double precision, 0) AS reciprocal_rank,
                          (coalesce(record.first_correct_rank, 11) <= 10)::integer::double precision AS recall_at_10,
                          record.correct_in_ten / 10::double precision AS precision_at_10
                   WHERE record.correct_in_ten IS NOT NULL) judged ON true
