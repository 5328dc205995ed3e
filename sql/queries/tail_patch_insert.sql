-- The changes after steps on a group of documents, where document and query are still as they were read.
INSERT INTO trackstar.tail_patch (tail_patch_step_id, query_id, document_id, delta)
SELECT %(step_id)s, q.query_id, d.document_id, new.delta
FROM unnest(%(document_ids)s::bigint[], %(document_digests)s::bytea[], %(query_ids)s::bigint[],
            %(query_digests)s::bytea[], %(deltas)s::double precision[])
     AS new (document_id, document_digest, query_id, query_digest, delta)
JOIN trackstar.document d ON d.document_id = new.document_id AND d.content_digest = new.document_digest
JOIN trackstar.query q ON q.query_id = new.query_id AND q.content_digest = new.query_digest
ORDER BY d.document_id, q.query_id
FOR SHARE OF d, q
ON CONFLICT DO NOTHING;
