-- Which documents are still as they were read; they stay so until this transaction ends.
SELECT d.document_id
FROM trackstar.document d
JOIN unnest(%(document_ids)s::bigint[], %(content_digests)s::bytea[]) AS was (document_id, content_digest)
     USING (document_id, content_digest)
ORDER BY d.document_id
FOR SHARE OF d;
