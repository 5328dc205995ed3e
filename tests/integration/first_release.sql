-- The views, functions and grants of the first release, without their comments: what an upgrade meets. Never changed.

CREATE OR REPLACE FUNCTION tda.frequency_bucket(frequency bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN frequency <= 0 THEN 0
    WHEN frequency <= 31 THEN 1
    WHEN frequency <= 316 THEN 2
    WHEN frequency <= 3162 THEN 3
    WHEN frequency <= 31622 THEN 4
    ELSE 5
END;

CREATE OR REPLACE FUNCTION tda.is_entailed(ais_score double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ais_score > 0.5;

CREATE OR REPLACE FUNCTION trackstar.nearest(in_encoding_id bigint, in_query_id bigint, in_k integer)
RETURNS TABLE (document_id bigint, influence double precision)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.document_id,
           -(g.gradient <#> (SELECT l2_normalize(q.gradient)::halfvec
                             FROM trackstar.query_gradient q
                             WHERE q.encoding_id = in_encoding_id AND q.query_id = in_query_id))
    FROM trackstar.gradient g
    WHERE g.encoding_id = in_encoding_id
    ORDER BY g.gradient <#> (SELECT l2_normalize(q.gradient)::halfvec
                             FROM trackstar.query_gradient q
                             WHERE q.encoding_id = in_encoding_id AND q.query_id = in_query_id),
             g.document_id
    LIMIT in_k;
END;

CREATE OR REPLACE FUNCTION tda.nearest(query_id bigint, k integer DEFAULT 10, encoding text DEFAULT NULL)
RETURNS TABLE (
    rank integer, influence double precision, document_id bigint, corpus text, external_id text, text text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked_query_id ALIAS FOR $1;
    asked_encoding ALIAS FOR $3;
    found_encoding_id bigint;
    found_count bigint;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k is %, expected a whole number from 1', coalesce(k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT EXISTS (SELECT FROM trackstar.query q WHERE q.query_id = asked_query_id) THEN
        RAISE EXCEPTION 'no query %', coalesce(asked_query_id::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT query_id, prompt FROM tda.query lists them.';
    END IF;
    SELECT min(e.encoding_id), count(*) INTO found_encoding_id, found_count
    FROM trackstar.query_gradient g JOIN trackstar.encoding e ON e.encoding_id = g.encoding_id
    WHERE g.query_id = asked_query_id AND (asked_encoding IS NULL OR e.name = asked_encoding);
    IF found_count = 0 THEN
        RAISE EXCEPTION 'query % is not encoded%', asked_query_id, coalesce(' by ' || quote_literal(asked_encoding), '')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Run: trackstar encode queries --encoding NAME --query-set NAME';
    ELSIF found_count > 1 THEN
        RAISE EXCEPTION 'query % is encoded by % encodings', asked_query_id, found_count
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Name one: tda.nearest(query_id, k, ''encoding'')';
    END IF;
    RETURN QUERY
        SELECT row_number() OVER (ORDER BY n.influence DESC, n.document_id)::integer,
               n.influence, n.document_id, c.name, d.external_id, d.text
        FROM trackstar.nearest(found_encoding_id, asked_query_id, k) n
        JOIN trackstar.document d ON d.document_id = n.document_id
        JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
        ORDER BY 1;
END $$;

CREATE OR REPLACE VIEW tda.annotation AS
SELECT a.fact_id, d.document_id, c.name AS corpus, d.external_id
FROM trackstar.annotation a
JOIN trackstar.fact f USING (fact_id)
JOIN trackstar.document d ON d.external_id = a.document_external_id
JOIN trackstar.corpus c USING (corpus_id);

CREATE OR REPLACE VIEW tda.document AS
SELECT d.document_id, c.name AS corpus, d.external_id, d.text, d.token_count, d.metadata, d.loaded_at
FROM trackstar.document d
JOIN trackstar.corpus c USING (corpus_id);

CREATE OR REPLACE VIEW tda.encoding AS
SELECT e.name AS encoding, e.recipe -> 'model' ->> 'name' AS model, m.architecture, m.parameter_count,
       e.dimension, e.blocks, e.block_rank, e.second_moment,
       (SELECT count(*) FROM trackstar.encoded_document d
        WHERE d.encoding_id = e.encoding_id AND d.outcome = 'stored') AS encoded_documents,
       (SELECT count(*) FROM trackstar.query_gradient q
        WHERE q.encoding_id = e.encoding_id) AS encoded_queries,
       e.recipe, encode(e.digest, 'hex') AS digest, e.created_at
FROM trackstar.encoding e
JOIN trackstar.model m USING (model_id);

CREATE OR REPLACE VIEW tda.fact AS
SELECT f.fact_id, subject.label AS subject, r.label AS relation, object.label AS object,
       subject.uri AS subject_uri, r.uri AS relation_uri, object.uri AS object_uri,
       subject.aliases AS subject_aliases, object.aliases AS object_aliases,
       f.is_repetition, f.prompts, frequency.fact_frequency,
       tda.frequency_bucket(frequency.fact_frequency) AS frequency_bucket,
       (SELECT count(*)
        FROM trackstar.annotation a
        JOIN trackstar.document d ON d.external_id = a.document_external_id
        WHERE a.fact_id = f.fact_id) AS annotated_documents,
       f.metadata
FROM trackstar.fact f
JOIN trackstar.relation r USING (relation_id)
JOIN trackstar.entity subject ON subject.entity_id = f.subject_entity_id
JOIN trackstar.entity object ON object.entity_id = f.object_entity_id
LEFT JOIN (SELECT fact_id, max(frequency) AS fact_frequency
           FROM trackstar.fact_frequency GROUP BY fact_id) frequency USING (fact_id);

CREATE OR REPLACE VIEW tda.proponent AS
SELECT run.name AS run, run.method, s.name AS query_set, q.query_id, q.prompt, q.target,
       q.fact_id, r.label AS relation,
       tda.frequency_bucket((SELECT max(frequency) FROM trackstar.fact_frequency ff
                             WHERE ff.fact_id = q.fact_id)) AS frequency_bucket,
       p.direction, p.rank, p.influence, d.document_id, d.external_id, d.text,
       CASE WHEN q.fact_id IS NOT NULL THEN a.fact_id IS NOT NULL END AS is_annotated,
       (SELECT avg(l.score) FROM trackstar.entailment_label l
        WHERE l.document_id = p.document_id AND (l.fact_id = q.fact_id OR l.query_id = q.query_id)) AS ais_score,
       tda.is_entailed((SELECT avg(l.score) FROM trackstar.entailment_label l
                        WHERE l.document_id = p.document_id
                          AND (l.fact_id = q.fact_id OR l.query_id = q.query_id))) AS is_entailed,
       c.name AS corpus
FROM trackstar.proponent p
JOIN trackstar.run run USING (run_id)
JOIN trackstar.query q USING (query_id)
JOIN trackstar.query_set s ON s.query_set_id = q.query_set_id
JOIN trackstar.document d ON d.document_id = p.document_id
JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
LEFT JOIN trackstar.annotation a ON a.fact_id = q.fact_id AND a.document_external_id = d.external_id;

CREATE OR REPLACE VIEW tda.query AS
SELECT q.query_id, s.name AS query_set, q.external_id, q.prompt, q.target, q.fact_id,
       r.label AS relation, q.metadata
FROM trackstar.query q
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.fact f USING (fact_id)
LEFT JOIN trackstar.relation r USING (relation_id);

CREATE OR REPLACE VIEW tda.run AS
SELECT r.name AS run, r.method, e.name AS encoding, s.name AS query_set, r.top_k,
       r.query_count, r.document_count, r.code_version, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at)::double precision AS duration_seconds
FROM trackstar.run r
JOIN trackstar.query_set s USING (query_set_id)
LEFT JOIN trackstar.encoding e USING (encoding_id);

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tda_reader') THEN
        CREATE ROLE tda_reader NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

DO $$
BEGIN
    IF NOT has_database_privilege('tda_reader', current_database(), 'CONNECT') THEN
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO tda_reader', current_database());
    END IF;
END $$;

REVOKE ALL ON SCHEMA trackstar FROM PUBLIC, tda_reader;
REVOKE ALL ON ALL TABLES IN SCHEMA trackstar FROM PUBLIC, tda_reader;
REVOKE ALL ON SCHEMA tda FROM PUBLIC;

GRANT USAGE ON SCHEMA tda TO tda_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA tda TO tda_reader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tda TO tda_reader;

ALTER DEFAULT PRIVILEGES IN SCHEMA tda GRANT SELECT ON TABLES TO tda_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA tda GRANT EXECUTE ON FUNCTIONS TO tda_reader;

DO $$
DECLARE
    tables_owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'trackstar');
    writes regprocedure;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolcanlogin AND NOT rolsuper
               AND rolname NOT IN (current_user, tables_owner, 'tda_reader')) THEN
        RETURN;
    END IF;
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, tda_reader', current_database());
        IF NOT has_database_privilege(tables_owner, current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), tables_owner);
        END IF;
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        FOR writes IN
            SELECT oid FROM pg_proc
            WHERE pronamespace = 'pg_catalog'::regnamespace
              AND proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import', 'lo_put',
                              'lo_truncate', 'lo_truncate64', 'lo_unlink', 'lowrite')
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', writes);
        END LOOP;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;

DO $$
BEGIN
    EXECUTE format('ALTER ROLE tda_reader IN DATABASE %I SET default_transaction_read_only = on', current_database());
EXCEPTION
    WHEN insufficient_privilege THEN NULL;
END $$;
