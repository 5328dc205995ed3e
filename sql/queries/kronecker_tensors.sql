-- The Kronecker factors of an encoding's model, as far as they are fitted.
SELECT name, dtype, shape, data
FROM trackstar.kronecker_factor
WHERE encoding_id = %(encoding_id)s
ORDER BY name;
