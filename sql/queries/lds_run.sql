-- A run, and how many documents of a corpus have a score for the query that has fewest of them.
SELECT r.name, s.name, coalesce(m.kind IN ('gradient', 'curvature'), true),
       (SELECT coalesce(min(kept), 0)
        FROM (SELECT count(*) AS kept
              FROM trackstar.proponent p
              JOIN trackstar.document d ON d.document_id = p.document_id AND d.corpus_id = %(corpus_id)s
              WHERE p.run_id = r.run_id AND p.direction = 'proponent'
              GROUP BY p.query_id) by_query),
       (SELECT count(*) FROM trackstar.document d WHERE d.corpus_id = %(corpus_id)s)
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.method m ON m.name = r.method
WHERE r.run_id = %(run_id)s;
