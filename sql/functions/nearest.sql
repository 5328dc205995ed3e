-- The documents that influence one stored query most, by name. SQL and not PL/pgSQL, where no column may be
-- called as an argument is.
DROP FUNCTION IF EXISTS tda.nearest(bigint, integer, text);  -- had no task
DROP FUNCTION IF EXISTS tda.nearest(bigint, integer, text, text);  -- had no filters
DROP FUNCTION IF EXISTS tda.nearest(bigint, integer, text, text, text, text, jsonb);  -- had no index
DROP FUNCTION IF EXISTS trackstar.find_nearest(bigint, integer, text, text, text, text, jsonb);

CREATE OR REPLACE FUNCTION tda.nearest(
    query_id bigint, k integer DEFAULT 10, encoding text DEFAULT NULL, task text DEFAULT NULL,
    corpus text DEFAULT NULL, relation text DEFAULT NULL, metadata jsonb DEFAULT NULL,
    index text DEFAULT NULL, candidates integer DEFAULT NULL
)
RETURNS TABLE (
    rank integer, influence double precision, document_id bigint, corpus text, external_id text, text text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    -- printed plans hold constants of the owner's statements
    SET debug_print_parse = off SET debug_print_rewritten = off SET debug_print_plan = off
BEGIN ATOMIC
    SELECT row_number() OVER (ORDER BY n.influence DESC, n.document_id)::integer,
           n.influence, n.document_id, c.name, d.external_id, d.text
    FROM trackstar.find_nearest($1, $2, $3, $4, $5, $6, $7, $8, $9) n
    JOIN trackstar.document d ON d.document_id = n.document_id
    JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
    ORDER BY 1;
END;

COMMENT ON FUNCTION tda.nearest(bigint, integer, text, text, text, text, jsonb, text, integer) IS
    'The k documents with the highest influence on a stored query, scanned exactly: under R of the corpus, or under a '
    'task''s R where one is named. The encoding may be left out when the query has been encoded by one only. Of one '
    'corpus only; of documents that are annotated with a fact of a relation, by its label or uri; of documents whose '
    'metadata contain the given object. With an index (signs, binary, hnsw, ivfflat) a few may be missing: it proposes '
    'so many candidates, which are compared exactly: by default 8 times the square root of the number of documents, '
    'and no fewer than 4 k or 100.';
