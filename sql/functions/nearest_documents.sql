-- The documents with the highest inner product with one direction, of all or of those given, by an exact search that
-- is planned for its arguments each time. In PL/pgSQL only RETURN QUERY may use several processes. The costs are what was
-- measured, in units of a page that is in memory (0.4 µs): a product of thousands of numbers is no cheap operator, and
-- a process takes milliseconds to start.
DROP FUNCTION IF EXISTS trackstar.nearest(bigint, bigint, integer);  -- computed each product twice
DROP FUNCTION IF EXISTS trackstar.nearest_under_task(bigint, bigint, integer);

CREATE OR REPLACE FUNCTION trackstar.nearest_documents(
    in_encoding_id bigint, in_task_id bigint, in_direction halfvec, in_k integer, in_document_ids bigint[]
)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET cpu_operator_cost = 0.25
SET parallel_setup_cost = 10000
AS $$
BEGIN
    RETURN QUERY
        SELECT n.document_id, n.influence
        FROM trackstar.nearest_gradients(in_encoding_id, in_task_id, in_direction, in_k, in_document_ids) n;
END $$;

COMMENT ON FUNCTION trackstar.nearest_documents(bigint, bigint, halfvec, integer, bigint[]) IS
    'The k documents with the highest inner product with a direction, of an encoding that keeps gradients whole.';
