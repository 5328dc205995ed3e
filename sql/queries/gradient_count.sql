-- How many gradients an encoding has.
SELECT count(*) FROM trackstar.gradient WHERE encoding_id = %(encoding_id)s;
