-- Methods, tasks, judges and what they say: predictions, tail-patches, frequencies, retraining, intervals.
-- Private, as all of schema trackstar.

-- Methods -----------------------------------------------------------------------------------------

-- How proponents are found: settings of one pipeline. sql/methods.sql keeps the built-in rows; others are a user's.
CREATE TABLE trackstar.method (
    name             text PRIMARY KEY CHECK (name <> ''),
    kind             text NOT NULL CHECK (kind IN ('gradient', 'curvature', 'lexical', 'embedding', 'annotation')),
    second_moment    text CHECK (second_moment IN ('none', 'corrected')),
    autocorrelation  text CHECK (autocorrelation IN ('none', 'corpus', 'task')),
    is_unit_norm     boolean,
    loss             text CHECK (loss IN ('cross-entropy', 'margin')),
    description      text NOT NULL CHECK (description <> ''),
    reference        text NOT NULL,
    is_builtin       boolean NOT NULL DEFAULT false,
    position         integer NOT NULL DEFAULT 1000,
    CHECK (CASE kind
           WHEN 'gradient' THEN num_nulls(second_moment, autocorrelation, is_unit_norm, loss) = 0
           ELSE num_nonnulls(second_moment, autocorrelation, is_unit_norm, loss) = 0 END)
);

-- The length of a base encoding before unit norm: methods without unit norm multiply by it. Empty for documents
-- that were encoded before this revision. With the margin as output function it is weighted by 1 - p.
ALTER TABLE trackstar.encoded_document
    ADD COLUMN norm double precision CHECK (norm >= 0 AND norm < 'Infinity');

-- Eigenvalue-corrected Kronecker factors of an encoding's model, fitted on its corpus when EK-FAC first needs them.
CREATE TABLE trackstar.kronecker_factor (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    name         text NOT NULL,
    dtype        text NOT NULL CHECK (dtype IN ('float32', 'float64')),
    shape        integer[] NOT NULL,
    data         bytea NOT NULL,
    PRIMARY KEY (encoding_id, name)
);
ALTER TABLE trackstar.kronecker_factor ALTER COLUMN data SET STORAGE EXTERNAL;

-- Tasks -------------------------------------------------------------------------------------------

-- A query set under an encoding with its mixing_lambda: R = lambda R_eval + (1 - lambda) R_train.
CREATE TABLE trackstar.task (
    task_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    encoding_id     bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    query_set_id    bigint NOT NULL REFERENCES trackstar.query_set,
    mixing_lambda   double precision NOT NULL CHECK (mixing_lambda >= 0 AND mixing_lambda < 1),
    recipe          jsonb NOT NULL CHECK (jsonb_typeof(recipe) = 'object'),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, encoding_id)
);

-- M^(1/2) by layer block: base encodings become the task's.
CREATE TABLE trackstar.task_tensor (
    task_id  bigint NOT NULL REFERENCES trackstar.task ON DELETE CASCADE,
    name     text NOT NULL,
    dtype    text NOT NULL CHECK (dtype IN ('float32', 'float64')),
    shape    integer[] NOT NULL,
    data     bytea NOT NULL,
    PRIMARY KEY (task_id, name)
);
ALTER TABLE trackstar.task_tensor ALTER COLUMN data SET STORAGE EXTERNAL;

-- M q / |M^(1/2) q|: its inner product with a stored gradient, over the document's norm, is the influence.
CREATE TABLE trackstar.task_query (
    task_id   bigint NOT NULL REFERENCES trackstar.task ON DELETE CASCADE,
    query_id  bigint NOT NULL REFERENCES trackstar.query ON DELETE CASCADE,
    gradient  vector NOT NULL,
    PRIMARY KEY (task_id, query_id)
);
CREATE INDEX task_query_query ON trackstar.task_query (query_id);

-- |M^(1/2) b| of each stored gradient b; goes with the gradient.
CREATE TABLE trackstar.task_document (
    task_id      bigint NOT NULL,
    encoding_id  bigint NOT NULL,
    document_id  bigint NOT NULL,
    norm         real NOT NULL CHECK (norm > 0 AND norm < 'Infinity'),
    PRIMARY KEY (task_id, document_id),
    FOREIGN KEY (task_id, encoding_id) REFERENCES trackstar.task (task_id, encoding_id) ON DELETE CASCADE,
    FOREIGN KEY (encoding_id, document_id) REFERENCES trackstar.encoded_document ON DELETE CASCADE
);
CREATE INDEX task_document_encoded ON trackstar.task_document (encoding_id, document_id);

-- Runs --------------------------------------------------------------------------------------------

-- settings: the method's row as it was, and what else the run depended on.
-- ais_labeler: whose entailment labels judge the run, empty for the mean over all labelers.
ALTER TABLE trackstar.run
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(settings) = 'object'),
    ADD COLUMN task_id bigint REFERENCES trackstar.task,
    ADD COLUMN ais_labeler text CHECK (ais_labeler <> ''),
    ADD COLUMN ais_threshold double precision NOT NULL DEFAULT 0.5 CHECK (ais_threshold BETWEEN 0 AND 1);

-- Every encoding of a run: several where scores are averaged over checkpoints.
CREATE TABLE trackstar.run_encoding (
    run_id       bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding,
    PRIMARY KEY (run_id, encoding_id)
);
INSERT INTO trackstar.run_encoding (run_id, encoding_id)
SELECT run_id, encoding_id FROM trackstar.run WHERE encoding_id IS NOT NULL;

-- The queries that a run asked, in their order. Of an imported run each is a record. fields: of the record, in its
-- order. metadata: those of them that the other tables do not hold exactly; json and not jsonb, which would make 1e+22
-- an integer: what came in goes out again.
CREATE TABLE trackstar.run_query (
    run_id          bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    query_id        bigint NOT NULL REFERENCES trackstar.query,
    position        bigint NOT NULL CHECK (position >= 1),
    fields          text[] CHECK (array_position(fields, NULL) IS NULL),
    metadata        json CHECK (json_typeof(metadata) = 'object'),
    content_digest  bytea CHECK (octet_length(content_digest) = 32),
    PRIMARY KEY (run_id, query_id),
    UNIQUE (run_id, position),
    CHECK (num_nulls(fields, metadata, content_digest) IN (0, 3))
);
CREATE INDEX run_query_query ON trackstar.run_query (query_id);
INSERT INTO trackstar.run_query (run_id, query_id, position)
SELECT run_id, query_id, row_number() OVER (PARTITION BY run_id ORDER BY query_id)
FROM (SELECT DISTINCT run_id, query_id FROM trackstar.proponent) asked;

-- Judges ------------------------------------------------------------------------------------------

-- What a model says to a query. max_new_tokens: tokens of an answer, empty where the answers were imported.
CREATE TABLE trackstar.prediction (
    model_id            bigint NOT NULL REFERENCES trackstar.model,
    query_id            bigint NOT NULL REFERENCES trackstar.query ON DELETE CASCADE,
    greedy_answer       text NOT NULL,
    samples             text[] NOT NULL,
    confidence          double precision CHECK (confidence BETWEEN 0 AND 1),
    target_probability  double precision NOT NULL CHECK (target_probability BETWEEN 0 AND 1),
    alternatives        jsonb CHECK (jsonb_typeof(alternatives) = 'object'),
    is_correct          boolean,
    seed                bigint NOT NULL,
    max_new_tokens      integer CHECK (max_new_tokens > 0),
    predicted_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (model_id, query_id)
);
CREATE INDEX prediction_query ON trackstar.prediction (query_id);

-- One way of taking a tail-patch's step: the model, the optimizer, the learning rate.
CREATE TABLE trackstar.tail_patch_step (
    tail_patch_step_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id            bigint NOT NULL REFERENCES trackstar.model,
    optimizer           text NOT NULL CHECK (optimizer IN ('sgd', 'adam', 'fresh_adam')),
    learning_rate       double precision NOT NULL CHECK (learning_rate > 0),
    settings            jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    digest              bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32)
);

-- The change of a query's target probability after one step on one document, in percentage points.
CREATE TABLE trackstar.tail_patch (
    tail_patch_step_id  bigint NOT NULL REFERENCES trackstar.tail_patch_step ON DELETE CASCADE,
    query_id            bigint NOT NULL REFERENCES trackstar.query ON DELETE CASCADE,
    document_id         bigint NOT NULL REFERENCES trackstar.document ON DELETE CASCADE,
    delta               double precision NOT NULL CHECK (delta BETWEEN -100 AND 100),
    PRIMARY KEY (tail_patch_step_id, query_id, document_id)
);
CREATE INDEX tail_patch_query ON trackstar.tail_patch (query_id);
CREATE INDEX tail_patch_document ON trackstar.tail_patch (document_id);

-- The step that judges a run: the one of the last `trackstar judge tail-patch` over it.
ALTER TABLE trackstar.run ADD COLUMN tail_patch_step_id bigint REFERENCES trackstar.tail_patch_step;

-- How far the counting of fact frequencies in a corpus has come.
CREATE TABLE trackstar.frequency_count (
    corpus_id        bigint PRIMARY KEY REFERENCES trackstar.corpus ON DELETE CASCADE,
    facts_digest     bytea NOT NULL CHECK (octet_length(facts_digest) = 32),
    counted_through  bigint NOT NULL CHECK (counted_through >= 0),
    documents        bigint NOT NULL CHECK (documents >= 0),
    is_stale         boolean NOT NULL DEFAULT false,
    counted_at       timestamptz NOT NULL DEFAULT now()
);

-- A bootstrap interval of one metric over one slice of a run; its value and queries say what it belongs to.
CREATE TABLE trackstar.metric_interval (
    run_id        bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    judge         text NOT NULL CHECK (judge IN ('annotation', 'ais', 'tail_patch')),
    metric        text NOT NULL CHECK (metric <> ''),
    slice         text NOT NULL CHECK (slice IN ('all', 'relation', 'frequency_bucket')),
    slice_value   text NOT NULL,
    queries       bigint NOT NULL CHECK (queries > 0),
    value         double precision NOT NULL,
    low           double precision NOT NULL CHECK (low <= value),
    high          double precision NOT NULL CHECK (high >= value),
    evaluated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, judge, metric, slice, slice_value)
);

-- Retraining on random subsets of the corpus: what linear datamodeling scores (LDS) are measured against.
CREATE TABLE trackstar.retraining (
    retraining_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE CHECK (name <> ''),
    model_id       bigint NOT NULL REFERENCES trackstar.model,
    corpus_id      bigint NOT NULL REFERENCES trackstar.corpus,
    query_set_id   bigint NOT NULL REFERENCES trackstar.query_set,
    settings       jsonb NOT NULL CHECK (jsonb_typeof(settings) = 'object'),
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- One subset: the documents that a model was trained on from the start.
CREATE TABLE trackstar.retrained_subset (
    retraining_id  bigint NOT NULL REFERENCES trackstar.retraining ON DELETE CASCADE,
    subset         integer NOT NULL CHECK (subset >= 0),
    document_ids   bigint[] NOT NULL,
    finished_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (retraining_id, subset)
);

-- How a model retrained on a subset answers a query.
CREATE TABLE trackstar.retrained_answer (
    retraining_id           bigint NOT NULL,
    subset                  integer NOT NULL,
    query_id                bigint NOT NULL REFERENCES trackstar.query ON DELETE CASCADE,
    target_log_probability  double precision NOT NULL CHECK (target_log_probability <= 0),
    PRIMARY KEY (retraining_id, subset, query_id),
    FOREIGN KEY (retraining_id, subset) REFERENCES trackstar.retrained_subset ON DELETE CASCADE
);
CREATE INDEX retrained_answer_query ON trackstar.retrained_answer (query_id);

-- The LDS of a run: Spearman between summed scores and retrained answers, mean over queries.
CREATE TABLE trackstar.lds (
    retraining_id  bigint NOT NULL REFERENCES trackstar.retraining ON DELETE CASCADE,
    run_id         bigint NOT NULL REFERENCES trackstar.run ON DELETE CASCADE,
    subsets        integer NOT NULL CHECK (subsets > 1),
    queries        bigint NOT NULL CHECK (queries > 0),
    value          double precision NOT NULL CHECK (value BETWEEN -1 AND 1),
    low            double precision NOT NULL CHECK (low BETWEEN -1 AND 1),
    high           double precision NOT NULL CHECK (high BETWEEN -1 AND 1),
    evaluated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (retraining_id, run_id)
);

-- What is forgotten ---------------------------------------------------------------------------------

-- What was computed from a text, or said of it, holds for the text as it was: a new text takes it away.
CREATE OR REPLACE FUNCTION trackstar.forget_gradient_of_document() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM trackstar.encoded_document WHERE document_id = NEW.document_id;
    DELETE FROM trackstar.entailment_label WHERE document_id = NEW.document_id;
    DELETE FROM trackstar.tail_patch WHERE document_id = NEW.document_id;
    UPDATE trackstar.frequency_count SET is_stale = true WHERE corpus_id = NEW.corpus_id AND NOT is_stale;
    NEW.token_count := NULL;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION trackstar.forget_gradient_of_query() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM trackstar.query_gradient WHERE query_id = NEW.query_id;
    DELETE FROM trackstar.task_query WHERE query_id = NEW.query_id;
    DELETE FROM trackstar.entailment_label WHERE query_id = NEW.query_id;
    DELETE FROM trackstar.tail_patch WHERE query_id = NEW.query_id;
    DELETE FROM trackstar.prediction WHERE query_id = NEW.query_id;
    DELETE FROM trackstar.retrained_answer WHERE query_id = NEW.query_id;
    RETURN NEW;
END $$;

-- The load ledger ---------------------------------------------------------------------------------

ALTER TABLE trackstar.load DROP CONSTRAINT load_kind_check;
ALTER TABLE trackstar.load ADD CONSTRAINT load_kind_check
    CHECK (kind IN ('documents', 'sentences', 'facts', 'queries', 'labels', 'results'));
