-- No frequencies under the name of a corpus.
DELETE FROM trackstar.fact_frequency WHERE corpus_name = %(corpus_name)s;
