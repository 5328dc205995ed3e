-- A run that results may go to, kept from other loads until the transaction ends.
SELECT r.run_id, r.method, s.name, r.settings -> 'imported'
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
WHERE r.name = %(name)s
FOR UPDATE OF r;
