-- A run, and how many documents of a corpus have a score for the query that has fewest of them. Words and annotations
-- give a document that is not listed the score 0, unless the list ends at top_k.
SELECT r.name, s.name,
       (SELECT coalesce(min(CASE WHEN m.kind IN ('lexical', 'annotation') AND listed < r.top_k
                                 THEN corpus.documents ELSE of_corpus END), 0)
        FROM (SELECT count(*) AS listed, count(*) FILTER (WHERE d.corpus_id = %(corpus_id)s) AS of_corpus
              FROM trackstar.proponent p
              JOIN trackstar.document d ON d.document_id = p.document_id
              WHERE p.run_id = r.run_id AND p.direction = 'proponent'
              GROUP BY p.query_id) by_query),
       corpus.documents
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.method m ON m.name = r.method
CROSS JOIN (SELECT count(*) AS documents FROM trackstar.document WHERE corpus_id = %(corpus_id)s) corpus
WHERE r.run_id = %(run_id)s;
