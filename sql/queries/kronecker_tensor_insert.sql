-- One of the Kronecker factors of an encoding's model.
INSERT INTO trackstar.kronecker_factor (encoding_id, name, dtype, shape, data)
VALUES (%(encoding_id)s, %(name)s, %(dtype)s, %(shape)s, %(data)s);
