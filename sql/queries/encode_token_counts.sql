-- Token counts of documents that no model has counted yet.
UPDATE trackstar.document d
SET token_count = counted.token_count
FROM unnest(%(document_ids)s::bigint[], %(token_counts)s::integer[]) AS counted (document_id, token_count)
WHERE d.document_id = counted.document_id AND d.token_count IS NULL AND counted.token_count > 0;
