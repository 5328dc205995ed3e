-- How often each corpus holds each fact.
CREATE OR REPLACE VIEW tda.fact_frequency AS
SELECT f.fact_id, f.corpus_name || '' AS corpus, f.frequency + 0 AS frequency,
       tda.frequency_bucket(f.frequency + 0) AS frequency_bucket,
       counting.documents AS counted_documents
FROM trackstar.fact_frequency f
LEFT JOIN (trackstar.frequency_count counting JOIN trackstar.corpus c USING (corpus_id)) ON c.name = f.corpus_name;

COMMENT ON VIEW tda.fact_frequency IS 'How often a corpus holds a fact by string matching, one row for each counted pair.';
COMMENT ON COLUMN tda.fact_frequency.fact_id IS 'The fact, as in tda.fact.';
COMMENT ON COLUMN tda.fact_frequency.corpus IS
    'The corpus counted: a loaded one, or the one that a file''s field names (c4 for c4_frequency).';
COMMENT ON COLUMN tda.fact_frequency.frequency IS
    'Documents that hold a name of the subject and a name of the object.';
COMMENT ON COLUMN tda.fact_frequency.frequency_bucket IS 'Bucket 0 to 5 of frequency, by tda.frequency_bucket.';
COMMENT ON COLUMN tda.fact_frequency.counted_documents IS
    'Documents of the corpus counted so far; empty for a frequency that a file gives.';
