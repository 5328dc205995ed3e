-- Searches of an encoding that keeps gradients in one or two bits a number: a scan of every code. The query's side is
-- taken in 12 bits a number, about as fine as half precision.

-- A query's side of the inner product, under an encoding or under a task.
CREATE OR REPLACE FUNCTION trackstar.nearest_code_side(in_encoding_id bigint, in_task_id bigint, in_query_id bigint)
RETURNS real[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg((n.number / s.whole)::real ORDER BY s.block, n.place)
    FROM trackstar.gradient_of_query(in_encoding_id, in_task_id, in_query_id) s,
         unnest(s.gradient::real[]) WITH ORDINALITY AS n (number, place);
END;

COMMENT ON FUNCTION trackstar.nearest_code_side(bigint, bigint, bigint) IS
    'A stored query''s side of the inner product in one array, whatever rows it is stored in.';

-- The documents with the highest inner product, filtered as trackstar.nearest_gradients does it. Its text takes the
-- caller's place (it is inlined), so that joins fall away whose columns nothing asks for.
CREATE OR REPLACE FUNCTION trackstar.nearest_gradient_codes(
    in_encoding_id bigint, in_task_id bigint, in_planes bit varying[], in_length double precision, in_k integer,
    in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.document_id,
           in_length * g.scale / CASE WHEN in_task_id IS NULL THEN 1 ELSE t.norm END
           * (length(in_planes[1]) - 2 / 4095::double precision
              * ((g.code <~> in_planes[1]) + 2 * (g.code <~> in_planes[2]) + 4 * (g.code <~> in_planes[3])
                 + 8 * (g.code <~> in_planes[4]) + 16 * (g.code <~> in_planes[5]) + 32 * (g.code <~> in_planes[6])
                 + 64 * (g.code <~> in_planes[7]) + 128 * (g.code <~> in_planes[8]) + 256 * (g.code <~> in_planes[9])
                 + 512 * (g.code <~> in_planes[10]) + 1024 * (g.code <~> in_planes[11])
                 + 2048 * (g.code <~> in_planes[12]))) AS influence
    FROM trackstar.gradient_code g
    LEFT JOIN trackstar.task_document t ON t.task_id = coalesce(in_task_id, 0) AND t.document_id = g.document_id
    WHERE g.encoding_id = in_encoding_id
      AND (in_task_id IS NULL OR t.norm IS NOT NULL)
      AND (in_document_ids IS NULL OR g.document_id = ANY (in_document_ids))
    ORDER BY influence DESC, g.document_id
    LIMIT in_k;
END;

COMMENT ON FUNCTION trackstar.nearest_gradient_codes(
    bigint, bigint, bit varying[], double precision, integer, bigint[]) IS
    'The scan behind trackstar.nearest_by_code, to be inlined.';

-- The same for a direction as it is, planned for its arguments each time.
CREATE OR REPLACE FUNCTION trackstar.nearest_by_code(
    in_encoding_id bigint, in_task_id bigint, in_direction real[], in_k integer, in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    side record;
BEGIN
    SELECT p.planes, p.length INTO side
    FROM trackstar.encoding e, trackstar.code_planes(in_direction, e.bits) p
    WHERE e.encoding_id = in_encoding_id;
    RETURN QUERY
        SELECT n.document_id, n.influence
        FROM trackstar.nearest_gradient_codes(in_encoding_id, in_task_id, side.planes, side.length, in_k,
                                              in_document_ids) n;
END $$;

COMMENT ON FUNCTION trackstar.nearest_by_code(bigint, bigint, real[], integer, bigint[]) IS
    'The k documents with the highest inner product with a direction, of an encoding that keeps codes.';
