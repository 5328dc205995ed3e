-- Of how many queries of a set can be said whether a model answers them right, and how many it does.
SELECT count(p.is_correct), count(*) FILTER (WHERE p.is_correct)
FROM trackstar.query q
JOIN trackstar.prediction p ON p.model_id = %(model_id)s AND p.query_id = q.query_id
WHERE q.query_set_id = %(query_set_id)s;
