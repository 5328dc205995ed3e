-- Drop a retraining with all that stands on it.
DELETE FROM trackstar.retraining WHERE name = %(name)s RETURNING retraining_id;
