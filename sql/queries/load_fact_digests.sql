-- What is stored of some facts.
SELECT fact_id, content_digest FROM trackstar.fact WHERE fact_id = ANY(%(keys)s);
