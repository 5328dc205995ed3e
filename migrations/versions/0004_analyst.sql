-- What analysts and dashboards read: answers computed beforehand, and who sees which corpus.

-- Precomputed answers -----------------------------------------------------------------------------

-- What `trackstar refresh` computes for dashboards. Tables and not materialized views: row-level security can stand on a
-- table, and what a reader sorts and filters by is then found by its indexes. Numbers only, of runs and documents that may
-- be gone since: views join them, and the next refresh takes their rows away.

-- When each was computed.
CREATE TABLE trackstar.refresh (
    name              text PRIMARY KEY,
    refreshed_at      timestamptz,
    duration_seconds  double precision CHECK (duration_seconds >= 0),
    rows              bigint CHECK (rows >= 0)
);
INSERT INTO trackstar.refresh (name)
VALUES ('query_overview'), ('metric_heat_map'), ('document_reach'), ('method_agreement');

-- Each query of each run.
CREATE TABLE trackstar.query_overview (
    run_id                  bigint NOT NULL,
    query_id                bigint NOT NULL,
    position                bigint NOT NULL,
    relation_id             bigint,
    fact_frequency          bigint,
    frequency_bucket        integer,
    has_annotated_document  boolean,
    proponents              bigint NOT NULL,
    confidence              double precision,
    is_correct              boolean,
    reciprocal_rank         double precision,
    recall_at_10            double precision,
    precision_at_10         double precision,
    best_ais_score          double precision,
    ais_reciprocal_rank     double precision,
    ais_recall_at_10        double precision,
    ais_precision_at_10     double precision,
    tail_patch_delta        double precision,
    PRIMARY KEY (run_id, query_id)
);
CREATE INDEX query_overview_query ON trackstar.query_overview (query_id);
CREATE INDEX query_overview_position ON trackstar.query_overview (run_id, position);
CREATE INDEX query_overview_relation ON trackstar.query_overview (run_id, relation_id, frequency_bucket, position);
CREATE INDEX query_overview_frequency ON trackstar.query_overview (run_id, fact_frequency DESC NULLS LAST, query_id);
CREATE INDEX query_overview_confidence ON trackstar.query_overview (run_id, confidence DESC NULLS LAST, query_id);
CREATE INDEX query_overview_rank ON trackstar.query_overview (run_id, reciprocal_rank DESC NULLS LAST, query_id);
CREATE INDEX query_overview_ais ON trackstar.query_overview (run_id, best_ais_score DESC NULLS LAST, query_id);

-- Means of query_overview by judge, relation and bucket.
CREATE TABLE trackstar.metric_heat_map (
    run_id              bigint NOT NULL,
    judge               text NOT NULL,
    relation_id         bigint,
    frequency_bucket    integer,
    queries             bigint NOT NULL,
    mrr                 double precision,
    recall_at_10        double precision,
    precision_at_10     double precision,
    tail_patch_queries  bigint NOT NULL,
    tail_patch_delta    double precision,
    UNIQUE NULLS NOT DISTINCT (run_id, judge, relation_id, frequency_bucket)
);

-- How many queries and facts a document is among the first ten for.
CREATE TABLE trackstar.document_reach (
    run_id        bigint NOT NULL,
    direction     text NOT NULL,
    document_id   bigint NOT NULL,
    facts         bigint NOT NULL,
    stated_facts  bigint NOT NULL,
    queries       bigint NOT NULL,
    best_rank     integer NOT NULL,
    mean_score    double precision NOT NULL,
    PRIMARY KEY (run_id, direction, document_id)
);
CREATE INDEX document_reach_document ON trackstar.document_reach (document_id);
CREATE INDEX document_reach_facts ON trackstar.document_reach (run_id, direction, facts, mean_score);

-- How far two runs agree, by relation and bucket; each pair once, the run of the lower number first.
CREATE TABLE trackstar.method_agreement (
    run_id            bigint NOT NULL,
    other_run_id      bigint NOT NULL,
    relation_id       bigint,
    frequency_bucket  integer,
    queries           bigint NOT NULL,
    overlap           double precision NOT NULL,
    same_first        double precision NOT NULL,
    UNIQUE NULLS NOT DISTINCT (run_id, other_run_id, relation_id, frequency_bucket)
);

-- Who sees which corpus ---------------------------------------------------------------------------

-- Corpora that roles may read; sql/policies.sql keeps them to it. Without corpus_id: every corpus, those to come too.
-- The role by name, which a dump takes to another server.
CREATE TABLE trackstar.corpus_grant (
    role_name   text NOT NULL CHECK (role_name <> ''),
    corpus_id   bigint REFERENCES trackstar.corpus ON DELETE CASCADE,
    granted_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (role_name, corpus_id)
);
CREATE INDEX corpus_grant_corpus ON trackstar.corpus_grant (corpus_id);
INSERT INTO trackstar.corpus_grant (role_name) VALUES ('tda_reader');  -- as it was before there were grants

-- The corpora of a run: those that its documents come from, that it was told to search, and those of the run that it
-- ranked again. Kept by triggers, whoever writes the run.
CREATE TABLE trackstar.run_corpus (
    run_id     bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    corpus_id  bigint NOT NULL REFERENCES trackstar.corpus ON DELETE CASCADE,
    PRIMARY KEY (run_id, corpus_id)
);
CREATE INDEX run_corpus_corpus ON trackstar.run_corpus (corpus_id);

CREATE FUNCTION trackstar.note_corpora_of_proponents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO trackstar.run_corpus (run_id, corpus_id)
    SELECT DISTINCT p.run_id, d.corpus_id
    FROM written p
    JOIN trackstar.document d ON d.document_id = p.document_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER proponents_inserted AFTER INSERT ON trackstar.proponent
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION trackstar.note_corpora_of_proponents();
CREATE TRIGGER proponents_updated AFTER UPDATE ON trackstar.proponent
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION trackstar.note_corpora_of_proponents();

CREATE FUNCTION trackstar.note_corpora_of_run() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO trackstar.run_corpus (run_id, corpus_id)
    SELECT NEW.run_id, c.corpus_id
    FROM trackstar.corpus c
    WHERE c.name = NEW.settings ->> 'corpus'
       OR EXISTS (SELECT FROM trackstar.run ranked
                  JOIN trackstar.run_corpus of_ranked ON of_ranked.run_id = ranked.run_id
                  WHERE ranked.name = NEW.settings ->> 'rerank' AND of_ranked.corpus_id = c.corpus_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER run_written AFTER INSERT OR UPDATE OF settings ON trackstar.run
    FOR EACH ROW EXECUTE FUNCTION trackstar.note_corpora_of_run();

INSERT INTO trackstar.run_corpus (run_id, corpus_id)
SELECT DISTINCT p.run_id, d.corpus_id
FROM trackstar.proponent p
JOIN trackstar.document d ON d.document_id = p.document_id;
UPDATE trackstar.run SET settings = settings WHERE settings ->> 'corpus' <> '';
UPDATE trackstar.run SET settings = settings WHERE settings ->> 'rerank' <> '';

-- The planner estimates from statistics of all rows, and EXPLAIN shows its estimates to everybody: what is compared with
-- them would tell texts and names. Of ids, which joins need, the number of different ones stays, and the ends.
ALTER TABLE trackstar.document ALTER COLUMN text SET STATISTICS 0, ALTER COLUMN external_id SET STATISTICS 1;
ALTER TABLE trackstar.annotation ALTER COLUMN document_external_id SET STATISTICS 1;
ALTER TABLE trackstar.corpus ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE trackstar.fact_frequency ALTER COLUMN corpus_name SET STATISTICS 0;
ALTER TABLE trackstar.run ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN ais_labeler SET STATISTICS 0;
ALTER TABLE trackstar.retraining ALTER COLUMN name SET STATISTICS 0;
ALTER TABLE trackstar.entailment_label ALTER COLUMN labeler SET STATISTICS 0;
DO $$
BEGIN
    DELETE FROM pg_catalog.pg_statistic s
    USING pg_catalog.pg_attribute a
    WHERE a.attrelid = s.starelid AND a.attnum = s.staattnum AND a.attstattarget IN (0, 1)
      AND a.attrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = 'trackstar'::regnamespace);
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'statistics of texts and names that were made before this revision stay, and readers could guess '
            'at corpora that are not granted to them by what EXPLAIN estimates. A superuser ends it in this database: '
            'DELETE FROM pg_statistic s USING pg_attribute a WHERE a.attrelid = s.starelid AND a.attnum = s.staattnum '
            'AND a.attstattarget IN (0, 1);';
END $$;
