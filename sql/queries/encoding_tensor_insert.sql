-- One of an encoding's tensors.
INSERT INTO trackstar.encoding_tensor (encoding_id, name, dtype, shape, data)
VALUES (%(encoding_id)s, %(name)s, %(dtype)s, %(shape)s, %(data)s);
