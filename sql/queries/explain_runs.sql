-- The runs that can be explained: of one encoding, by a method that takes inner products of its gradients.
SELECT r.name
FROM trackstar.run r
LEFT JOIN trackstar.method m ON m.name = r.method
WHERE coalesce(r.settings -> 'method' ->> 'kind', m.kind) = 'gradient' AND r.encoding_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM trackstar.run_encoding a WHERE a.run_id = r.run_id AND a.encoding_id <> r.encoding_id)
ORDER BY r.run_id;
