-- The queries that a run asked, in their order.
INSERT INTO trackstar.run_query (run_id, query_id, position)
SELECT %(run_id)s, asked.query_id, asked.position
FROM unnest(%(query_ids)s::bigint[]) WITH ORDINALITY AS asked (query_id, position);
