-- What a model says to one query, if the query is still as it was read.
INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence, target_probability,
                                  alternatives, is_correct, seed, max_new_tokens)
SELECT %(model_id)s, q.query_id, %(greedy_answer)s, %(samples)s::text[], %(confidence)s, %(target_probability)s,
       %(alternatives)s, %(is_correct)s, %(seed)s, %(max_new_tokens)s
FROM trackstar.query q
WHERE q.query_id = %(query_id)s AND q.content_digest = %(content_digest)s
FOR SHARE
ON CONFLICT (model_id, query_id) DO UPDATE
SET greedy_answer = EXCLUDED.greedy_answer, samples = EXCLUDED.samples, confidence = EXCLUDED.confidence,
    target_probability = EXCLUDED.target_probability, alternatives = EXCLUDED.alternatives,
    is_correct = EXCLUDED.is_correct, seed = EXCLUDED.seed, max_new_tokens = EXCLUDED.max_new_tokens,
    predicted_at = EXCLUDED.predicted_at;
