-- The tail-patch of each run: mean over proponents, then over queries, with the standard error over queries.
SELECT r.name AS run, count(query.delta) AS queries, avg(query.delta) AS tail_patch_delta,
       stddev_samp(query.delta) / sqrt(count(query.delta)) AS standard_error
FROM trackstar.run r
LEFT JOIN LATERAL (SELECT avg(t.tail_patch_delta) AS delta
                   FROM tda.tail_patch t
                   WHERE t.run = r.name AND t.rank <= %(k)s
                   GROUP BY t.query_id) query ON true
WHERE r.run_id = ANY(%(run_ids)s)
GROUP BY r.run_id
ORDER BY r.run_id;
