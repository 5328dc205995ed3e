-- Every query of a set, and whether it has a base encoding.
SELECT q.query_id, EXISTS (SELECT FROM trackstar.query_gradient g
                           WHERE g.encoding_id = %(encoding_id)s AND g.query_id = q.query_id)
FROM trackstar.query q
WHERE q.query_set_id = %(query_set_id)s
ORDER BY q.query_id;
