-- The parts of a source that an unfinished load of it has already written.
SELECT p.part, p.digest, p.read, p.inserted, p.updated, p.skipped, p.rejected
FROM trackstar.load l
JOIN trackstar.load_part p USING (load_id)
WHERE l.kind = %(kind)s AND l.destination = %(destination)s AND l.source = %(source)s
  AND l.settings = %(settings)s::jsonb AND l.finished_at IS NULL;
