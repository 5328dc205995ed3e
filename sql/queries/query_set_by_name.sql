-- The number of a query set.
SELECT query_set_id FROM trackstar.query_set WHERE name = %(name)s;
