-- Every method, as tda.method shows it.
SELECT method, kind, second_moment, autocorrelation, is_unit_norm, loss, reference, description
FROM tda.method
ORDER BY position, method;
