-- Searches of an encoding whose gradients are longer than a page: an exact scan of the rows of all layer blocks.

-- A query's side of the inner product block by block, under an encoding or under a task: directions and lengths. Apart,
-- since half precision has no room for very small numbers.
CREATE OR REPLACE FUNCTION trackstar.nearest_sides_by_block(
    in_encoding_id bigint, in_task_id bigint, in_query_id bigint
)
RETURNS TABLE (directions halfvec[], lengths double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(l2_normalize(s.gradient)::halfvec ORDER BY s.block),
           array_agg(vector_norm(s.gradient) / s.whole ORDER BY s.block)
    FROM trackstar.gradient_of_query(in_encoding_id, in_task_id, in_query_id) s;
END;

COMMENT ON FUNCTION trackstar.nearest_sides_by_block(bigint, bigint, bigint) IS
    'A stored query''s side of the inner product by layer block: directions and lengths.';

-- The documents with the highest inner product, filtered as trackstar.nearest_gradients does it. Its text takes the
-- caller's place (it is inlined), so that joins fall away whose columns nothing asks for.
CREATE OR REPLACE FUNCTION trackstar.nearest_gradient_blocks(
    in_encoding_id bigint, in_task_id bigint, in_directions halfvec[], in_lengths double precision[], in_k integer,
    in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.document_id, sum(-(g.gradient <#> s.direction) * s.length / coalesce(t.norm, 1)) AS influence
    FROM trackstar.gradient_block g
    JOIN unnest(in_directions, in_lengths) WITH ORDINALITY AS s (direction, length, number) ON s.number = g.block + 1
    LEFT JOIN trackstar.task_document t ON t.task_id = coalesce(in_task_id, 0) AND t.document_id = g.document_id
    WHERE g.encoding_id = in_encoding_id
      AND (in_task_id IS NULL OR t.norm IS NOT NULL)
      AND (in_document_ids IS NULL OR g.document_id = ANY (in_document_ids))
    GROUP BY g.document_id
    ORDER BY influence DESC, g.document_id
    LIMIT in_k;
END;

COMMENT ON FUNCTION trackstar.nearest_gradient_blocks(
    bigint, bigint, halfvec[], double precision[], integer, bigint[]) IS
    'The exact scan behind trackstar.nearest_by_block, to be inlined.';

-- The same, planned for its arguments each time.
CREATE OR REPLACE FUNCTION trackstar.nearest_by_block(
    in_encoding_id bigint, in_task_id bigint, in_directions halfvec[], in_lengths double precision[], in_k integer,
    in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
        SELECT n.document_id, n.influence
        FROM trackstar.nearest_gradient_blocks(in_encoding_id, in_task_id, in_directions, in_lengths, in_k,
                                               in_document_ids) n;
END $$;

COMMENT ON FUNCTION trackstar.nearest_by_block(bigint, bigint, halfvec[], double precision[], integer, bigint[]) IS
    'The k documents with the highest inner product with a direction, of an encoding that keeps gradients by layer block.';
