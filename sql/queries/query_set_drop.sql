-- One query set, gone; its queries have been dropped before.
DELETE FROM trackstar.query_set WHERE query_set_id = %(query_set_id)s;
