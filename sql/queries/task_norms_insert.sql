-- Norms under a task, of documents that are still encoded as they were when they were read.
INSERT INTO trackstar.task_document (task_id, encoding_id, document_id, norm)
SELECT t.task_id, e.encoding_id, e.document_id, n.task_norm
FROM unnest(%(document_ids)s::bigint[], %(norms)s::float8[], %(task_norms)s::float4[])
     AS n (document_id, norm, task_norm)
JOIN trackstar.task t ON t.task_id = %(task_id)s
JOIN trackstar.encoded_document e ON e.encoding_id = t.encoding_id AND e.document_id = n.document_id
                                 AND e.norm IS NOT DISTINCT FROM nullif(n.norm, 'NaN')
FOR KEY SHARE
ON CONFLICT DO NOTHING;
