-- The new results of one part, behind those that the run has.
INSERT INTO trackstar.run_query (run_id, query_id, position, fields, metadata, content_digest)
SELECT %(run_id)s, query_id,
       (SELECT coalesce(max(position), 0) FROM trackstar.run_query WHERE run_id = %(run_id)s)
       + row_number() OVER (ORDER BY place),
       fields, metadata, content_digest
FROM pg_temp.load_result
WHERE place < %(first_update)s;
