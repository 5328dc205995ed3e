-- Of what kind are the first ten proponents: do they state the fact, or share a name, a relation, nothing?
SELECT r.query_set, run, k.method, k.kind, k.proponents, k.share
FROM tda.proponent_kind k
JOIN tda.run r USING (run)
WHERE k.direction = 'proponent'
