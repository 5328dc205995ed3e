-- The number of a way of taking the step, known by its digest.
INSERT INTO trackstar.tail_patch_step (model_id, optimizer, learning_rate, settings, digest)
VALUES (%(model_id)s, %(optimizer)s, %(learning_rate)s, %(settings)s, %(digest)s)
ON CONFLICT (digest) DO UPDATE SET digest = EXCLUDED.digest
RETURNING tail_patch_step_id;
