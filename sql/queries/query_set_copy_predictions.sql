-- What models said to the queries that were copied, to their copies.
INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence, target_probability,
                                  alternatives, is_correct, seed, max_new_tokens, predicted_at)
SELECT p.model_id, copy.query_id, p.greedy_answer, p.samples, p.confidence, p.target_probability,
       p.alternatives, p.is_correct, p.seed, p.max_new_tokens, p.predicted_at
FROM trackstar.query copy
JOIN trackstar.query q ON q.query_set_id = %(source_id)s AND q.external_id = copy.external_id
JOIN trackstar.prediction p ON p.query_id = q.query_id
WHERE copy.query_set_id = %(query_set_id)s;
