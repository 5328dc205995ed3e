-- Whether every query of a set asks for a fact.
SELECT count(*) > 0 AND bool_and(q.fact_id IS NOT NULL)
FROM trackstar.query q
JOIN trackstar.query_set s USING (query_set_id)
WHERE s.name = %(name)s;
