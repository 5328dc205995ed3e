-- A run for imported results, unless another load has made it just now.
INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version, settings,
                           started_at, finished_at)
VALUES (%(name)s, %(method)s, %(query_set_id)s, 1, 0, 0, %(code_version)s, %(settings)s, now(), clock_timestamp())
ON CONFLICT ((name || '')) DO NOTHING
RETURNING run_id;
