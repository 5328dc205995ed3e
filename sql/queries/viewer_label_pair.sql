-- The fact that a query asks for, where the query and a document are there; and whether a name is that of labels that
-- judge runs or were loaded, in small letters or capitals.
SELECT q.fact_id,
       EXISTS (SELECT FROM trackstar.run r WHERE lower(r.ais_labeler) = lower(%(labeler)s))
       OR EXISTS (SELECT FROM trackstar.load l WHERE lower(l.settings ->> 'labeler') = lower(%(labeler)s)) AS is_taken
FROM trackstar.query q
JOIN trackstar.document d ON d.document_id = %(document_id)s
WHERE q.query_id = %(query_id)s;
