-- Documents of a corpus, and how many of them are counted.
SELECT (SELECT count(*) FROM trackstar.document WHERE corpus_id = %(corpus_id)s),
       (SELECT documents FROM trackstar.frequency_count WHERE corpus_id = %(corpus_id)s);
