-- How often an opened file says that its facts occur.
INSERT INTO trackstar.fact_frequency (fact_id, corpus_name, frequency)
SELECT s.fact_id, 'c4', max(s.frequency) FROM said s WHERE s.frequency >= 0 GROUP BY s.fact_id
ON CONFLICT DO NOTHING;
