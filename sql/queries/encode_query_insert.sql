-- The base encoding of one query, before unit norm, or one layer block of it, if the query is still as it was read.
INSERT INTO trackstar.query_gradient (encoding_id, query_id, block, gradient)
SELECT %(encoding_id)s, q.query_id, %(block)s, %(gradient)s
FROM trackstar.query q
WHERE q.query_id = %(query_id)s AND q.content_digest = %(content_digest)s
FOR SHARE;
