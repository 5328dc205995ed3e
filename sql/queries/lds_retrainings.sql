-- Every retraining, how many subsets are done, and the runs judged by it.
SELECT t.name AS retraining, c.name AS corpus, s.name AS query_set,
       (t.settings ->> 'fraction')::float8 AS fraction,
       (SELECT count(*) FROM trackstar.retrained_subset u WHERE u.retraining_id = t.retraining_id) AS subsets,
       (SELECT count(*) FROM trackstar.lds l WHERE l.retraining_id = t.retraining_id) AS runs, t.created_at
FROM trackstar.retraining t
JOIN trackstar.corpus c USING (corpus_id)
JOIN trackstar.query_set s USING (query_set_id)
ORDER BY t.name;
