-- One encoding and all that belongs to it; its gradients have been dropped with their partition.
DELETE FROM trackstar.encoding WHERE encoding_id = %(encoding_id)s;
