-- How often a corpus holds the facts of one part, where their records say so. A count that it overwrites is stale.
WITH given AS (
    INSERT INTO trackstar.fact_frequency (fact_id, corpus_name, frequency)
    SELECT fact_id, %(corpus_name)s, frequency
    FROM pg_temp.load_fact
    WHERE frequency IS NOT NULL
    ORDER BY fact_id
    ON CONFLICT (fact_id, corpus_name) DO UPDATE SET frequency = EXCLUDED.frequency
    RETURNING corpus_name
)
UPDATE trackstar.frequency_count
SET is_stale = true
FROM trackstar.corpus
WHERE frequency_count.corpus_id = corpus.corpus_id AND NOT is_stale AND corpus.name IN (SELECT corpus_name FROM given);
