-- A retraining by its name, made where it is new.
WITH made AS (
    INSERT INTO trackstar.retraining (name, model_id, corpus_id, query_set_id, settings)
    VALUES (%(name)s, %(model_id)s, %(corpus_id)s, %(query_set_id)s, %(settings)s)
    ON CONFLICT ((name || '')) DO NOTHING
    RETURNING retraining_id, settings
)
SELECT retraining_id, settings FROM made
UNION ALL
SELECT retraining_id, settings FROM trackstar.retraining WHERE name = %(name)s
LIMIT 1;
