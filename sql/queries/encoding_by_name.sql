-- One encoding with the model it was made from.
SELECT e.encoding_id, e.name, e.recipe -> 'model' ->> 'name' AS model, m.content_digest AS model_digest,
       m.architecture, e.dimension, e.recipe, e.digest, e.is_by_block, e.created_at
FROM trackstar.encoding e JOIN trackstar.model m USING (model_id)
WHERE e.name = %(name)s;
