-- The documents that an opened file calls correct state its facts.
INSERT INTO trackstar.annotation (fact_id, document_external_id)
SELECT DISTINCT s.fact_id, d.external_id
FROM said s
CROSS JOIN LATERAL jsonb_array_elements(s.correct) WITH ORDINALITY verdict (is_correct, rank)
JOIN trackstar.proponent p
    ON p.run_id = s.run_id AND p.query_id = s.query_id AND p.direction = 'proponent' AND p.rank = verdict.rank
JOIN trackstar.document d ON d.document_id = p.document_id
WHERE verdict.is_correct = 'true';
