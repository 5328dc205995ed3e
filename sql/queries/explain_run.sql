-- What a run scored with: its method as it was, its task, and every encoding (several where scores were averaged).
SELECT r.run_id, r.method, m.settings ->> 'kind' AS kind, m.settings ->> 'autocorrelation' AS autocorrelation,
       (m.settings ->> 'is_unit_norm')::boolean AS is_unit_norm, s.name AS query_set, t.name AS task,
       ARRAY(SELECT e.name FROM trackstar.encoding e
             WHERE e.encoding_id = r.encoding_id
                OR e.encoding_id IN (SELECT encoding_id FROM trackstar.run_encoding a WHERE a.run_id = r.run_id)
             ORDER BY e.encoding_id) AS encodings
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.task t USING (task_id)
LEFT JOIN LATERAL (
    SELECT coalesce(r.settings -> 'method', (SELECT to_jsonb(known) FROM trackstar.method known
                                             WHERE known.name = r.method)) AS settings) m ON true
WHERE r.name = %(run)s;
