-- Searches that were begun and whose run is not stored.
SELECT run, method, documents_read, documents, started_at
FROM trackstar.search s
WHERE NOT EXISTS (SELECT FROM trackstar.run r WHERE r.name = s.run)
ORDER BY started_at, run;
