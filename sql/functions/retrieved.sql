-- What a run found for a query in one direction, as lists that go beside each other: private, what exports write.
-- A function and not a view: the planner must go query by query, however little it knows of the tables.
CREATE OR REPLACE FUNCTION trackstar.retrieved(in_run_id bigint, in_query_id bigint, in_direction text)
RETURNS TABLE (texts text[], external_ids text[], scores double precision[], document_ids bigint[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(d.text ORDER BY p.rank), '{}'),
           coalesce(array_agg(d.external_id ORDER BY p.rank), '{}'),
           coalesce(array_agg(p.influence ORDER BY p.rank), '{}'),
           coalesce(array_agg(p.document_id ORDER BY p.rank), '{}')
    FROM trackstar.proponent p
    JOIN trackstar.document d ON d.document_id = p.document_id
    WHERE p.run_id = in_run_id AND p.query_id = in_query_id AND p.direction = in_direction;
END;

COMMENT ON FUNCTION trackstar.retrieved(bigint, bigint, text) IS
    'What a run found for a query in one direction, as lists by rank: texts, external ids, scores, document ids.';
