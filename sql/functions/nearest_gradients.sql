-- The gradients with the highest inner product with one direction, under a task over each document's norm, by an exact
-- search of an encoding's partition. Its text takes the caller's place (it is inlined) and is planned for the
-- arguments: without a task the join falls away, since nothing asks for its column; without documents, the condition.
-- Parsed when it is made (BEGIN ATOMIC), so that no search_path can change its meaning.
CREATE OR REPLACE FUNCTION trackstar.nearest_gradients(
    in_encoding_id bigint, in_task_id bigint, in_direction halfvec, in_k integer, in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT n.document_id, -n.distance
    FROM (SELECT g.document_id,
                 CASE WHEN in_task_id IS NULL THEN g.gradient <#> in_direction
                      ELSE (g.gradient <#> in_direction) / t.norm END AS distance
          FROM trackstar.gradient g
          LEFT JOIN trackstar.task_document t ON t.task_id = coalesce(in_task_id, 0) AND t.document_id = g.document_id
          WHERE g.encoding_id = in_encoding_id
            AND (in_task_id IS NULL OR t.norm IS NOT NULL)
            AND (in_document_ids IS NULL OR g.document_id = ANY (in_document_ids))
            AND (in_document_ids IS NULL OR in_task_id IS NULL OR t.document_id = ANY (in_document_ids))
          ORDER BY distance, g.document_id
          LIMIT in_k) n;
END;

COMMENT ON FUNCTION trackstar.nearest_gradients(bigint, bigint, halfvec, integer, bigint[]) IS
    'The exact scan behind trackstar.nearest_documents, to be inlined.';
