-- Every query of a set, with its base encoding where it has one.
SELECT q.query_id, g.gradient
FROM trackstar.query q
LEFT JOIN trackstar.query_gradient g ON g.encoding_id = %(encoding_id)s AND g.query_id = q.query_id
WHERE q.query_set_id = %(query_set_id)s
ORDER BY q.query_id;
