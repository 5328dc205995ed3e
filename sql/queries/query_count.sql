-- How many queries a set has.
SELECT count(*) FROM trackstar.query WHERE query_set_id = %(query_set_id)s;
