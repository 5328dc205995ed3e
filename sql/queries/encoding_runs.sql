-- The runs that stand on an encoding.
SELECT r.name
FROM trackstar.run r
WHERE r.encoding_id = %(encoding_id)s
   OR EXISTS (SELECT FROM trackstar.run_encoding e WHERE e.run_id = r.run_id AND e.encoding_id = %(encoding_id)s)
ORDER BY r.name;
