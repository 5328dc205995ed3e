-- How far a corpus is counted, and whether the documents that were counted are all there.
SELECT facts_digest, counted_through, documents, is_stale,
       (SELECT count(*) FROM trackstar.document d
        WHERE d.corpus_id = c.corpus_id AND d.document_id <= c.counted_through) AS documents_there
FROM trackstar.frequency_count c
WHERE corpus_id = %(corpus_id)s;
