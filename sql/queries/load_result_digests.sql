-- What a run says of some queries of its set.
SELECT q.external_id, i.content_digest
FROM trackstar.query q
CROSS JOIN LATERAL (SELECT content_digest FROM trackstar.run_query
                    WHERE run_id = %(run_id)s AND query_id = q.query_id LIMIT 1) i
WHERE q.query_set_id = %(query_set_id)s AND q.external_id = ANY(%(keys)s);
