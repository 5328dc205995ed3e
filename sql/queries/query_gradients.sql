-- Every query of a set, or some of them, with the rows of its base encoding where it has one.
SELECT q.query_id, g.gradient
FROM trackstar.query q
LEFT JOIN trackstar.query_gradient g ON g.encoding_id = %(encoding_id)s AND g.query_id = q.query_id
WHERE q.query_set_id = %(query_set_id)s
  AND (%(query_ids)s::bigint[] IS NULL OR q.query_id = ANY (%(query_ids)s))
ORDER BY q.query_id, g.block;
