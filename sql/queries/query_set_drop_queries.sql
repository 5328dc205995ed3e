-- The queries of a set, gone with their gradients, labels, predictions and tail-patches.
DELETE FROM trackstar.query WHERE query_set_id = %(query_set_id)s;
