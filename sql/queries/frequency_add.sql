-- What one chunk adds to the frequencies.
UPDATE trackstar.fact_frequency f
SET frequency = f.frequency + chunk.added
FROM unnest(%(fact_ids)s::text[], %(added)s::bigint[]) chunk (fact_id, added)
WHERE f.corpus_name = %(corpus_name)s AND f.fact_id = chunk.fact_id;
