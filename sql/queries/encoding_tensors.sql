-- Every tensor of an encoding.
SELECT name, dtype, shape, data
FROM trackstar.encoding_tensor
WHERE encoding_id = %(encoding_id)s
ORDER BY name;
