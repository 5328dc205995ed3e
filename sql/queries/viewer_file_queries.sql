-- The queries of an opened file ask for its facts.
UPDATE trackstar.query q
SET fact_id = s.fact_id
FROM said s
WHERE q.query_id = s.query_id AND EXISTS (SELECT FROM trackstar.fact f WHERE f.fact_id = s.fact_id);
