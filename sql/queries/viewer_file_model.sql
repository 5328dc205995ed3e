-- The model that an opened file speaks of: nothing else is known of it.
INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
VALUES ('8b', 'unknown', 1, '{}', sha256('8b'))
RETURNING model_id;
