-- Which stored queries does a document influence? With the rights of whoever asks, of the public views.
CREATE OR REPLACE FUNCTION tda.trace_document(document_id bigint)
RETURNS TABLE (
    run text, method text, direction text, rank integer, influence double precision, score double precision,
    query_set text, query_id bigint, prompt text, target text, fact_id text, relation text, is_annotated boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (SELECT FROM tda.document d WHERE d.document_id = trace_document.document_id) THEN
        RAISE EXCEPTION 'no document %', coalesce(trace_document.document_id::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'SELECT document_id, corpus, external_id FROM tda.document lists them.';
    END IF;
    RETURN QUERY
        SELECT p.run, p.method, p.direction, p.rank, p.influence, p.score, p.query_set, p.query_id, p.prompt, p.target,
               p.fact_id, p.relation, p.is_annotated
        FROM tda.proponent p
        WHERE p.document_id = trace_document.document_id
        ORDER BY p.run, p.direction DESC, p.rank, p.query_id;
END $$;

COMMENT ON FUNCTION tda.trace_document(bigint) IS
    'The stored queries that a document influences: each query of each run among whose proponents or opponents it is, '
    'with its rank and influence there; proponents first, best ranks first. Columns as in tda.proponent.';
