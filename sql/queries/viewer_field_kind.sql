-- What the first proponent of a query of a run, o, shares with it.
SELECT e.kind
FROM tda.proponent_explanation e
WHERE e.run = o.run AND e.query_id = o.query_id AND e.direction = 'proponent' AND e.rank = 1
