-- A frequency of zero for each fact, to count from.
INSERT INTO trackstar.fact_frequency (fact_id, corpus_name, frequency)
SELECT fact_id, %(corpus_name)s, 0 FROM trackstar.fact WHERE fact_id = ANY(%(fact_ids)s);
