-- The base encoding of one query, before unit norm.
INSERT INTO trackstar.query_gradient (encoding_id, query_id, gradient)
VALUES (%(encoding_id)s, %(query_id)s, %(gradient)s);
