-- What an opened file says that its model said, as far as lists are sorted and filtered by it.
INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence, target_probability, is_correct,
                                  seed)
SELECT %(model_id)s, k.query_id, '', '{}', least(greatest(said.confidence, 0), 1), 0, said.is_correct, 0
FROM trackstar.run_query k
CROSS JOIN LATERAL (
    SELECT coalesce(k.metadata ->> '8b_confidence', k.metadata ->> 'model_confidence')::double precision AS confidence,
           (k.metadata ->> 'is_8b_correct')::boolean AS is_correct) said
WHERE k.run_id = %(run_id)s AND num_nonnulls(said.confidence, said.is_correct) > 0;
