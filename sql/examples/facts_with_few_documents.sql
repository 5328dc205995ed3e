-- Which facts does hardly any document state, and does the model know them all the same?
-- One row for each fact and each model that was asked: the queries of one query set that ask for the fact, and how many of
-- them the model answers right. Empty until it has been asked: trackstar judge predictions.
WITH parameter AS (SELECT
    'demo'::text AS query_set,  -- the query set whose answers count
    3::integer AS documents     -- annotated documents at most; 0 for facts that no document states
)
SELECT f.fact_id, f.subject, f.relation, f.object, f.annotated_documents, said.model, said.queries, said.correct,
       said.mean_confidence
FROM tda.fact f
JOIN parameter ON f.annotated_documents <= parameter.documents
LEFT JOIN (SELECT fact_id, min(model) AS model, count(*) AS queries, count(*) FILTER (WHERE is_correct) AS correct,
                  round(avg(confidence)::numeric, 2) AS mean_confidence
           FROM tda.prediction
           JOIN parameter USING (query_set)
           GROUP BY fact_id, model_digest) said USING (fact_id)
ORDER BY f.annotated_documents, f.relation, f.fact_id, said.model
LIMIT 50;
