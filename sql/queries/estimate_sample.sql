-- Documents of a corpus at even distances of their numbers, for an estimate, and the bytes of a row that is written
-- anew when its tokens are counted; the other documents are not read.
SELECT DISTINCT ON (d.document_id) d.text, d.rewritten_bytes
FROM (SELECT min(document_id) AS first, max(document_id) AS last
      FROM trackstar.document WHERE corpus_id = %(corpus_id)s) ends
CROSS JOIN generate_series(0, %(size)s - 1) AS step
CROSS JOIN LATERAL (SELECT document_id, text,
                           CASE WHEN token_count IS NULL THEN pg_column_size(one.*) ELSE 0 END AS rewritten_bytes
                    FROM trackstar.document one
                    WHERE corpus_id = %(corpus_id)s
                      AND document_id >= ends.first + (ends.last - ends.first) * step / %(size)s
                    ORDER BY document_id LIMIT 1) d
ORDER BY d.document_id;
