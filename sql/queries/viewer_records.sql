-- What the data release's format says of some queries of a run, in the order asked for. Query by query, as the LIMITs
-- make it: a plan for many would read all queries and facts. A query without opponents has empty lists of them where one
-- of the run's first hundred has some.
SELECT q.external_id AS example_id, q.query_set, q.prompt AS inputs_plaintext, q.target AS targets_plaintext,
       found.proponents, found.proponent_ids, found.proponent_scores,
       CASE WHEN signed.has_opponents THEN coalesce(found.opponents, '{{}}') END AS opponents,
       CASE WHEN signed.has_opponents THEN coalesce(found.opponent_ids, '{{}}') END AS opponent_ids,
       CASE WHEN signed.has_opponents THEN coalesce(found.opponent_scores, '{{}}') END AS opponent_scores,
       q.fact_id, q.relation, said.samples AS "8b_generations", said.confidence AS "8b_confidence",
       fact.frequency AS c4_frequency, tda.frequency_bucket(fact.frequency) AS c4_frequency_bucket,
       fact.is_stated AS has_trex_sentence,
       CASE WHEN q.fact_id IS NOT NULL THEN found.proponent_correct END AS proponent_correct,
       CASE WHEN found.has_ais_scores THEN found.proponent_ais_scores END AS proponent_ais_scores,
       CASE WHEN q.fact_id IS NULL THEN said.is_correct END AS is_8b_correct, k.metadata
FROM unnest(%(query_ids)s::bigint[]) WITH ORDINALITY asked (query_id, place)
JOIN tda.run r ON r.run = %(run)s
JOIN tda.run_query k ON k.run = r.run AND k.query_id = asked.query_id
CROSS JOIN LATERAL (SELECT known.external_id, known.query_set, known.prompt, known.target, known.fact_id, known.relation
                    FROM tda.query known
                    WHERE known.query_id = asked.query_id
                    LIMIT 1) q
LEFT JOIN tda.encoding e ON e.encoding = r.encoding
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(p.text ORDER BY p.rank) FILTER (WHERE p.direction = 'proponent'), '{{}}') AS proponents,
           coalesce(array_agg(p.external_id ORDER BY p.rank) FILTER (WHERE p.direction = 'proponent'), '{{}}')
               AS proponent_ids,
           coalesce(array_agg(p.score ORDER BY p.rank) FILTER (WHERE p.direction = 'proponent'), '{{}}')
               AS proponent_scores,
           array_agg(p.text ORDER BY p.rank) FILTER (WHERE p.direction = 'opponent') AS opponents,
           array_agg(p.external_id ORDER BY p.rank) FILTER (WHERE p.direction = 'opponent') AS opponent_ids,
           array_agg(p.score ORDER BY p.rank) FILTER (WHERE p.direction = 'opponent') AS opponent_scores,
           coalesce(array_agg(p.is_annotated ORDER BY p.rank) FILTER (WHERE p.direction = 'proponent'), '{{}}')
               AS proponent_correct,
           coalesce(bool_or(p.ais_score IS NOT NULL) FILTER (WHERE p.direction = 'proponent'), false) AS has_ais_scores,
           array_agg(p.ais_score ORDER BY p.rank) FILTER (WHERE p.direction = 'proponent') AS proponent_ais_scores
    FROM tda.proponent p
    WHERE p.run = %(run)s AND p.query_id = asked.query_id
) found
CROSS JOIN LATERAL (
    SELECT found.opponents IS NOT NULL
           OR k.metadata IS NULL AND (SELECT count(*) > 0
                                      FROM tda.run_query early
                                      CROSS JOIN LATERAL (SELECT FROM tda.proponent p
                                                          WHERE p.run = early.run AND p.query_id = early.query_id
                                                            AND p.direction = 'opponent'
                                                          LIMIT 1) one
                                      WHERE early.run = %(run)s AND early.position <= 100) AS has_opponents
) signed
LEFT JOIN LATERAL (
    SELECT (SELECT max(f.frequency) FROM tda.fact_frequency f WHERE f.fact_id = q.fact_id) AS frequency,
           EXISTS (SELECT FROM tda.annotation a WHERE a.fact_id = q.fact_id) AS is_stated
) fact ON q.fact_id IS NOT NULL
LEFT JOIN LATERAL (SELECT p.samples, p.confidence, p.is_correct
                   FROM tda.prediction p
                   WHERE p.query_id = asked.query_id AND p.model_digest = e.model_digest
                   ORDER BY p.predicted_at DESC
                   LIMIT 1) said ON true
ORDER BY asked.place;
