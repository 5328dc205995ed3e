-- What a run was asked, and what its method noted.
SELECT r.settings || jsonb_build_object('query_set', s.name, 'top_k', r.top_k)
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
WHERE r.name = %(name)s;
