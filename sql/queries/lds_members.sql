-- The documents of each of the first subsets.
SELECT document_ids
FROM trackstar.retrained_subset
WHERE retraining_id = %(retraining_id)s AND subset < %(subsets)s
ORDER BY subset;
