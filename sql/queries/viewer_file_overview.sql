-- Whether a sentence states the fact, as an opened file says it: the sentence itself need not stand in the file.
UPDATE trackstar.query_overview o
SET has_annotated_document = (k.metadata ->> 'has_trex_sentence')::boolean
FROM trackstar.run_query k
WHERE k.run_id = %(run_id)s AND o.run_id = k.run_id AND o.query_id = k.query_id
  AND k.metadata ->> 'has_trex_sentence' IS NOT NULL;
