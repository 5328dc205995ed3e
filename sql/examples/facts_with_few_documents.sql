-- Which facts does hardly any document state, and does the model know them all the same?
-- is_correct is empty until the model has been asked: trackstar judge predictions.
WITH parameter AS (SELECT
    3::integer AS documents  -- annotated documents at most; 0 for facts that no document states
)
SELECT f.fact_id, f.subject, f.relation, f.object, f.annotated_documents, said.greedy_answer, said.is_correct,
       said.confidence
FROM tda.fact f
JOIN parameter ON f.annotated_documents <= parameter.documents
LEFT JOIN tda.prediction said USING (fact_id)
ORDER BY f.annotated_documents, f.relation, f.fact_id
LIMIT 50;
