-- What a retrained model says to each query.
INSERT INTO trackstar.retrained_answer (retraining_id, subset, query_id, target_log_probability)
SELECT %(retraining_id)s, %(subset)s, said.query_id, said.answer
FROM unnest(%(query_ids)s::bigint[], %(answers)s::float8[]) AS said (query_id, answer);
