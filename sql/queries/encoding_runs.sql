-- The runs that stand on an encoding.
SELECT name FROM trackstar.run WHERE encoding_id = %(encoding_id)s ORDER BY name;
