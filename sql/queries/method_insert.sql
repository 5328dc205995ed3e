-- A user's method.
INSERT INTO trackstar.method (name, kind, second_moment, autocorrelation, is_unit_norm, loss, description, reference)
VALUES (%(name)s, %(kind)s, %(second_moment)s, %(autocorrelation)s, %(is_unit_norm)s, %(loss)s, %(description)s,
        %(reference)s);
