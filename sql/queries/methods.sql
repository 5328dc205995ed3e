-- Every method with its settings, in the order of tda.method.
SELECT method AS name, kind, second_moment, autocorrelation, is_unit_norm, loss, description, reference, is_builtin
FROM tda.method
ORDER BY position, method;
