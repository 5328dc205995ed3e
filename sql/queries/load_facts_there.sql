-- Which of some facts are loaded.
SELECT fact_id FROM trackstar.fact WHERE fact_id = ANY(%(keys)s);
