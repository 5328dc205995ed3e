-- How often a corpus holds the facts of one part, where their records say so.
INSERT INTO trackstar.fact_frequency (fact_id, corpus_name, frequency)
SELECT fact_id, %(corpus_name)s, frequency
FROM pg_temp.load_fact
WHERE frequency IS NOT NULL
ORDER BY fact_id
ON CONFLICT (fact_id, corpus_name) DO UPDATE SET frequency = EXCLUDED.frequency;
