-- The subsets of a retraining that are done.
SELECT subset FROM trackstar.retrained_subset WHERE retraining_id = %(retraining_id)s;
