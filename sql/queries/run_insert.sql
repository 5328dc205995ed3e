-- A new run; nothing where the name is taken.
INSERT INTO trackstar.run (name, method, encoding_id, query_set_id, task_id, top_k, query_count, document_count,
                           code_version, settings, started_at, finished_at)
VALUES (%(name)s, %(method)s, %(encoding_id)s, %(query_set_id)s, %(task_id)s, %(top_k)s, %(query_count)s,
        %(document_count)s, %(code_version)s, %(settings)s, %(started_at)s, clock_timestamp())
ON CONFLICT ((name || '')) DO NOTHING
RETURNING run_id;
