-- The number of a model, known by its weights.
INSERT INTO trackstar.model (name, revision, architecture, parameter_count, config, content_digest)
VALUES (%(name)s, %(revision)s, %(architecture)s, %(parameter_count)s, %(config)s, %(content_digest)s)
ON CONFLICT (content_digest) DO UPDATE SET name = trackstar.model.name
RETURNING model_id;
