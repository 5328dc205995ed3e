-- The LDS of a run.
INSERT INTO trackstar.lds (retraining_id, run_id, subsets, queries, value, low, high)
VALUES (%(retraining_id)s, %(run_id)s, %(subsets)s, %(queries)s, %(value)s, %(low)s, %(high)s)
ON CONFLICT (retraining_id, run_id) DO UPDATE
SET subsets = EXCLUDED.subsets, queries = EXCLUDED.queries, value = EXCLUDED.value, low = EXCLUDED.low,
    high = EXCLUDED.high, evaluated_at = now();
