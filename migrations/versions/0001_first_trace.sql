-- The tables of the first trace: corpora, facts, queries, encodings, gradients, runs.
-- Private: people read the views of schema tda, and only the library writes here.

CREATE SCHEMA tda;

-- What was read -----------------------------------------------------------------------------------

CREATE TABLE trackstar.corpus (
    corpus_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE CHECK (name <> ''),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE trackstar.document (
    document_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    corpus_id       bigint NOT NULL REFERENCES trackstar.corpus,
    external_id     text NOT NULL CHECK (external_id <> ''),
    text            text NOT NULL CHECK (text <> ''),
    token_count     integer CHECK (token_count > 0),
    metadata        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    content_digest  bytea NOT NULL CHECK (octet_length(content_digest) = 32),
    loaded_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (corpus_id, external_id)
);
CREATE INDEX document_corpus_order ON trackstar.document (corpus_id, document_id);
CREATE INDEX document_external_id ON trackstar.document (external_id);

-- Facts -------------------------------------------------------------------------------------------

CREATE TABLE trackstar.relation (
    relation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uri          text NOT NULL UNIQUE CHECK (uri <> ''),
    label        text NOT NULL CHECK (label <> '')
);

CREATE TABLE trackstar.entity (
    entity_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uri        text NOT NULL UNIQUE CHECK (uri <> ''),
    label      text NOT NULL CHECK (label <> ''),
    aliases    text[] NOT NULL DEFAULT '{}' CHECK (array_position(aliases, NULL) IS NULL)
);

CREATE TABLE trackstar.fact (
    fact_id            text PRIMARY KEY CHECK (fact_id <> ''),
    subject_entity_id  bigint NOT NULL REFERENCES trackstar.entity,
    relation_id        bigint NOT NULL REFERENCES trackstar.relation,
    object_entity_id   bigint NOT NULL REFERENCES trackstar.entity,
    is_repetition      boolean NOT NULL DEFAULT false,
    prompts            text[] NOT NULL DEFAULT '{}' CHECK (array_position(prompts, NULL) IS NULL),
    metadata           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    content_digest     bytea NOT NULL CHECK (octet_length(content_digest) = 32),
    loaded_at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fact_relation ON trackstar.fact (relation_id);
CREATE INDEX fact_subject ON trackstar.fact (subject_entity_id);
CREATE INDEX fact_object ON trackstar.fact (object_entity_id);

-- A source's claim that a document states a fact. Either side may be loaded later, or never: the
-- claim names both by the ids of their sources and holds from the moment that both are there.
CREATE TABLE trackstar.annotation (
    fact_id               text NOT NULL CHECK (fact_id <> ''),
    document_external_id  text NOT NULL CHECK (document_external_id <> ''),
    PRIMARY KEY (fact_id, document_external_id)
);
CREATE INDEX annotation_document ON trackstar.annotation (document_external_id);

CREATE TABLE trackstar.fact_frequency (
    fact_id      text NOT NULL REFERENCES trackstar.fact ON DELETE CASCADE,
    corpus_name  text NOT NULL CHECK (corpus_name <> ''),
    frequency    bigint NOT NULL CHECK (frequency >= 0),
    PRIMARY KEY (fact_id, corpus_name)
);

-- Queries -----------------------------------------------------------------------------------------

CREATE TABLE trackstar.query_set (
    query_set_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (name <> ''),
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE trackstar.query (
    query_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query_set_id    bigint NOT NULL REFERENCES trackstar.query_set,
    external_id     text NOT NULL CHECK (external_id <> ''),
    prompt          text NOT NULL,
    target          text NOT NULL CHECK (target <> ''),
    fact_id         text REFERENCES trackstar.fact,
    metadata        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    content_digest  bytea NOT NULL CHECK (octet_length(content_digest) = 32),
    UNIQUE (query_set_id, external_id)
);
CREATE INDEX query_fact ON trackstar.query (fact_id);

CREATE TABLE trackstar.entailment_label (
    entailment_label_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document_id          bigint NOT NULL REFERENCES trackstar.document ON DELETE CASCADE,
    fact_id              text REFERENCES trackstar.fact ON DELETE CASCADE,
    query_id             bigint REFERENCES trackstar.query ON DELETE CASCADE,
    score                double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    labeler              text NOT NULL CHECK (labeler <> ''),
    CHECK (num_nonnulls(fact_id, query_id) = 1),
    UNIQUE NULLS NOT DISTINCT (document_id, fact_id, query_id, labeler)
);
CREATE INDEX entailment_label_fact ON trackstar.entailment_label (fact_id, document_id);
CREATE INDEX entailment_label_query ON trackstar.entailment_label (query_id, document_id);

-- Encodings ---------------------------------------------------------------------------------------

CREATE TABLE trackstar.model (
    model_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL CHECK (name <> ''),
    revision         text,
    architecture     text NOT NULL,
    parameter_count  bigint NOT NULL CHECK (parameter_count > 0),
    config           jsonb NOT NULL CHECK (jsonb_typeof(config) = 'object'),
    content_digest   bytea NOT NULL UNIQUE CHECK (octet_length(content_digest) = 32)
);

-- A frozen recipe. `recipe` holds every setting; the columns repeat what SQL asks for.
CREATE TABLE trackstar.encoding (
    encoding_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE CHECK (name <> ''),
    model_id       bigint NOT NULL REFERENCES trackstar.model,
    blocks         integer NOT NULL CHECK (blocks > 0),
    block_rank     integer NOT NULL CHECK (block_rank > 0),
    dimension      integer NOT NULL CHECK (dimension = blocks * block_rank * block_rank),
    second_moment  text NOT NULL CHECK (second_moment IN ('none', 'rank1', 'full')),
    recipe         jsonb NOT NULL CHECK (jsonb_typeof(recipe) = 'object'),
    digest         bytea NOT NULL CHECK (octet_length(digest) = 32),
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- The recipe's numbers: factors of V by weight matrix, R_train^(-1/2) and its eigenvalues by block.
CREATE TABLE trackstar.encoding_tensor (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    name         text NOT NULL,
    dtype        text NOT NULL CHECK (dtype IN ('float32', 'float64')),
    shape        integer[] NOT NULL,
    data         bytea NOT NULL,
    PRIMARY KEY (encoding_id, name)
);
ALTER TABLE trackstar.encoding_tensor ALTER COLUMN data SET STORAGE EXTERNAL;  -- numbers do not compress

-- What became of each document under an encoding; `stored` documents have a gradient.
CREATE TABLE trackstar.encoded_document (
    encoding_id   bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    document_id   bigint NOT NULL REFERENCES trackstar.document,
    outcome       text NOT NULL CHECK (outcome IN ('stored', 'zero', 'not finite', 'too short')),
    token_count   integer NOT NULL CHECK (token_count >= 0),
    is_truncated  boolean NOT NULL,
    PRIMARY KEY (encoding_id, document_id)
);
CREATE INDEX encoded_document_document ON trackstar.encoded_document (document_id);

-- One partition an encoding, made with it: unit norm, half precision, PLAIN storage (one page a row).
CREATE TABLE trackstar.gradient (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding,
    document_id  bigint NOT NULL,
    gradient     halfvec NOT NULL,
    PRIMARY KEY (encoding_id, document_id),
    FOREIGN KEY (encoding_id, document_id) REFERENCES trackstar.encoded_document ON DELETE CASCADE
) PARTITION BY LIST (encoding_id);
ALTER TABLE trackstar.gradient ALTER COLUMN gradient SET STORAGE PLAIN;

-- A query's base encoding before unit norm: a task's S = mean(q q^T) needs the lengths.
CREATE TABLE trackstar.query_gradient (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    query_id     bigint NOT NULL REFERENCES trackstar.query ON DELETE CASCADE,
    gradient     vector NOT NULL,
    PRIMARY KEY (encoding_id, query_id)
);
CREATE INDEX query_gradient_query ON trackstar.query_gradient (query_id);

-- A stored gradient is the gradient of the text as it was: a new text takes it away.
CREATE FUNCTION trackstar.forget_gradient_of_document() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM trackstar.encoded_document WHERE document_id = NEW.document_id;
    NEW.token_count := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER document_text_changed BEFORE UPDATE OF text ON trackstar.document
    FOR EACH ROW WHEN (OLD.text IS DISTINCT FROM NEW.text)
    EXECUTE FUNCTION trackstar.forget_gradient_of_document();

CREATE FUNCTION trackstar.forget_gradient_of_query() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM trackstar.query_gradient WHERE query_id = NEW.query_id;
    RETURN NEW;
END $$;
CREATE TRIGGER query_changed BEFORE UPDATE OF prompt, target ON trackstar.query
    FOR EACH ROW WHEN ((OLD.prompt, OLD.target) IS DISTINCT FROM (NEW.prompt, NEW.target))
    EXECUTE FUNCTION trackstar.forget_gradient_of_query();

-- An encoding is frozen once it is there.
CREATE FUNCTION trackstar.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'an encoding is frozen: % cannot be changed. Create another encoding.', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER encoding_is_frozen BEFORE UPDATE ON trackstar.encoding
    FOR EACH ROW EXECUTE FUNCTION trackstar.refuse_change();
CREATE TRIGGER encoding_tensor_is_frozen BEFORE UPDATE ON trackstar.encoding_tensor
    FOR EACH ROW EXECUTE FUNCTION trackstar.refuse_change();

-- Answers -----------------------------------------------------------------------------------------

CREATE TABLE trackstar.run (
    run_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    method          text NOT NULL CHECK (method <> ''),
    encoding_id     bigint REFERENCES trackstar.encoding,
    query_set_id    bigint NOT NULL REFERENCES trackstar.query_set,
    top_k           integer NOT NULL CHECK (top_k > 0),
    query_count     bigint NOT NULL CHECK (query_count >= 0),
    document_count  bigint NOT NULL CHECK (document_count >= 0),
    code_version    text NOT NULL,
    started_at      timestamptz NOT NULL,
    finished_at     timestamptz NOT NULL CHECK (finished_at >= started_at)
);

CREATE TABLE trackstar.proponent (
    run_id       bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    query_id     bigint NOT NULL REFERENCES trackstar.query,
    direction    text NOT NULL CHECK (direction IN ('proponent', 'opponent')),
    rank         integer NOT NULL CHECK (rank >= 1),
    document_id  bigint NOT NULL REFERENCES trackstar.document,
    influence    double precision NOT NULL
                 CHECK (influence > '-Infinity' AND influence < 'Infinity'),
    PRIMARY KEY (run_id, query_id, direction, rank),
    UNIQUE (run_id, query_id, direction, document_id)
);
CREATE INDEX proponent_document ON trackstar.proponent (document_id);
CREATE INDEX proponent_query ON trackstar.proponent (query_id);

-- The load ledger ---------------------------------------------------------------------------------

-- One row for each source that a load began; without finished_at it can be continued.
CREATE TABLE trackstar.load (
    load_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('documents', 'sentences', 'facts', 'queries', 'labels')),
    destination  text NOT NULL,
    source       text NOT NULL CHECK (source <> ''),
    settings     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    started_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz CHECK (finished_at >= started_at)
);
CREATE UNIQUE INDEX load_unfinished ON trackstar.load (kind, destination, source, settings)
    WHERE finished_at IS NULL;

-- One row for each part of a source (a Parquet row group, a stretch of lines), written with its rows.
CREATE TABLE trackstar.load_part (
    load_id   bigint NOT NULL REFERENCES trackstar.load ON DELETE CASCADE,
    part      integer NOT NULL CHECK (part >= 0),
    digest    bytea NOT NULL CHECK (octet_length(digest) = 32),
    read      integer NOT NULL CHECK (read >= 0),
    inserted  integer NOT NULL CHECK (inserted >= 0),
    updated   integer NOT NULL CHECK (updated >= 0),
    skipped   integer NOT NULL CHECK (skipped >= 0),
    rejected  integer NOT NULL CHECK (rejected >= 0),
    PRIMARY KEY (load_id, part),
    CHECK (read = inserted + updated + skipped + rejected)
);
