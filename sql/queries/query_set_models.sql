-- The models that have predicted queries of a set.
SELECT m.model_id, m.name, m.content_digest,
       count(*) AS predicted, count(p.is_correct) AS judged,
       (SELECT count(*) FROM trackstar.query q WHERE q.query_set_id = %(query_set_id)s) AS queries
FROM trackstar.prediction p
JOIN trackstar.query q USING (query_id)
JOIN trackstar.model m USING (model_id)
WHERE q.query_set_id = %(query_set_id)s
GROUP BY m.model_id
ORDER BY m.model_id;
