-- Of what kind are the first ten proponents: do they state the fact, or share a name, a relation, nothing?
SELECT run, kind, proponents, round(share::numeric, 3) AS share
FROM tda.proponent_kind
WHERE direction = 'proponent'
ORDER BY run, proponents DESC, kind;
