-- Runs that a precomputed answer does not have as they are, by name.
SELECT r.name
FROM trackstar.run r
WHERE EXISTS (SELECT FROM trackstar.refresh done
              WHERE done.refreshed_at IS NULL OR done.refreshed_at < r.finished_at)
   OR (r.query_count > 0 AND NOT EXISTS (SELECT FROM trackstar.query_overview o WHERE o.run_id = r.run_id))
ORDER BY r.name;
