-- R_train^(-1/2) of an encoding and the eigenvalues of R_train, block by block.
SELECT name, dtype, shape, data
FROM trackstar.encoding_tensor
WHERE encoding_id = %(encoding_id)s AND name LIKE 'autocorrelation/%%'
ORDER BY name;
