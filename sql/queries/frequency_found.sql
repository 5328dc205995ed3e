-- How many facts a corpus holds at all.
SELECT count(*) FROM trackstar.fact_frequency WHERE corpus_name = %(corpus_name)s AND frequency > 0;
