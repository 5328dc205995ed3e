-- What the run's model says to a query; where the run has no model, the one that was asked last.
SELECT p.model, p.greedy_answer, p.samples, p.confidence, p.target_probability, p.alternatives, p.is_correct
FROM tda.prediction p
LEFT JOIN tda.encoding e ON e.encoding = %(encoding)s
WHERE p.query_id = %(query_id)s AND (p.model_digest = e.model_digest OR e.encoding IS NULL)
ORDER BY p.predicted_at DESC, p.model
LIMIT 1;
