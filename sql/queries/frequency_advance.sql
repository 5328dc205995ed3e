-- The counting of a corpus, one chunk on.
UPDATE trackstar.frequency_count
SET counted_through = %(counted_through)s, documents = documents + %(read)s, counted_at = now()
WHERE corpus_id = %(corpus_id)s;
