-- The number of a corpus.
SELECT corpus_id FROM trackstar.corpus WHERE name = %(name)s;
