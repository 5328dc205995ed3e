-- Keep how far a search came.
INSERT INTO trackstar.search (run, encoding_id, query_set_id, method, digest,
                              passes_done, spans_read, documents_read, documents)
VALUES (%(run)s, %(encoding_id)s, %(query_set_id)s, %(method)s, %(digest)s,
        %(passes_done)s, %(spans_read)s, %(documents_read)s, %(documents)s)
ON CONFLICT (run) DO UPDATE
SET passes_done = excluded.passes_done, spans_read = excluded.spans_read,
    documents_read = excluded.documents_read, saved_at = now();
