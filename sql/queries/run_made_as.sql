-- What a run was asked: query set, k, the run whose best it ranks, corpus, relation, metadata.
SELECT s.name, r.top_k, r.settings ->> 'rerank', r.settings ->> 'corpus', r.settings ->> 'relation',
       r.settings -> 'metadata'
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
WHERE r.name = %(name)s;
