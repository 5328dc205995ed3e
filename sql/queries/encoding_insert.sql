-- A new encoding.
INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
VALUES (%(name)s, %(model_id)s, %(blocks)s, %(block_rank)s, %(dimension)s, %(second_moment)s, %(recipe)s, %(digest)s)
RETURNING encoding_id;
