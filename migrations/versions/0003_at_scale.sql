-- What a million documents need: filters, full fidelity, searches that continue.

-- Filters -----------------------------------------------------------------------------------------

CREATE INDEX document_metadata ON trackstar.document USING gin (metadata jsonb_path_ops);

-- Gradients ---------------------------------------------------------------------------------------

-- A gradient's encoding is that of its outcome, which refers to it: a second check of each row would say nothing new.
ALTER TABLE trackstar.gradient DROP CONSTRAINT gradient_encoding_id_fkey;

-- Full fidelity -----------------------------------------------------------------------------------

-- Gradients too long for one page: a row for each layer block, again one page each. An encoding's gradients
-- stand here or in `gradient`, by their dimension.
ALTER TABLE trackstar.encoding
    ADD COLUMN is_by_block boolean NOT NULL GENERATED ALWAYS AS (dimension > 4056) STORED;

CREATE TABLE trackstar.gradient_block (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding,
    document_id  bigint NOT NULL,
    block        smallint NOT NULL CHECK (block >= 0),
    gradient     halfvec NOT NULL,
    PRIMARY KEY (encoding_id, document_id, block),
    FOREIGN KEY (encoding_id, document_id) REFERENCES trackstar.encoded_document ON DELETE CASCADE
) PARTITION BY LIST (encoding_id);
ALTER TABLE trackstar.gradient_block ALTER COLUMN gradient SET STORAGE PLAIN;

-- A query's side likewise: one row of block 0, or a row for each layer block.
ALTER TABLE trackstar.query_gradient ADD COLUMN block smallint NOT NULL DEFAULT 0 CHECK (block >= 0);
ALTER TABLE trackstar.query_gradient DROP CONSTRAINT query_gradient_pkey;
ALTER TABLE trackstar.query_gradient ADD PRIMARY KEY (encoding_id, query_id, block);
ALTER TABLE trackstar.task_query ADD COLUMN block smallint NOT NULL DEFAULT 0 CHECK (block >= 0);
ALTER TABLE trackstar.task_query DROP CONSTRAINT task_query_pkey;
ALTER TABLE trackstar.task_query ADD PRIMARY KEY (task_id, query_id, block);

-- Codes -------------------------------------------------------------------------------------------

-- Bits of each number of a document's gradient: 16 is half precision, in `gradient` or `gradient_block`.
ALTER TABLE trackstar.encoding
    ADD COLUMN bits integer NOT NULL
        GENERATED ALWAYS AS (coalesce((recipe -> 'settings' ->> 'bits')::integer, 16)) STORED
        CHECK (bits IN (16, 2, 1));

-- Gradients in one or two bits a number, whatever their dimension in one row. scale: what makes the levels that the
-- codes stand for a unit vector.
CREATE TABLE trackstar.gradient_code (
    encoding_id  bigint NOT NULL REFERENCES trackstar.encoding,
    document_id  bigint NOT NULL,
    scale        real NOT NULL CHECK (scale > 0),
    code         bit varying NOT NULL,
    PRIMARY KEY (encoding_id, document_id),
    FOREIGN KEY (encoding_id, document_id) REFERENCES trackstar.encoded_document ON DELETE CASCADE
) PARTITION BY LIST (encoding_id);
ALTER TABLE trackstar.gradient_code ALTER COLUMN code SET STORAGE PLAIN;

-- Searches that continue --------------------------------------------------------------------------

-- A search that was begun and whose run is not stored yet: how far it came. digest: of all that its answer depends on.
-- spans_read: of the stretches of documents that it goes through, in each pass anew.
CREATE TABLE trackstar.search (
    run             text PRIMARY KEY CHECK (run <> ''),
    encoding_id     bigint NOT NULL REFERENCES trackstar.encoding ON DELETE CASCADE,
    query_set_id    bigint NOT NULL REFERENCES trackstar.query_set ON DELETE CASCADE,
    method          text NOT NULL CHECK (method <> ''),
    digest          bytea NOT NULL CHECK (octet_length(digest) = 32),
    passes_done     integer NOT NULL CHECK (passes_done >= 0),
    spans_read      integer NOT NULL CHECK (spans_read >= 0),
    documents_read  bigint NOT NULL CHECK (documents_read >= 0),
    documents       bigint NOT NULL CHECK (documents >= 0),
    started_at      timestamptz NOT NULL DEFAULT now(),
    saved_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX search_encoding ON trackstar.search (encoding_id);
CREATE INDEX search_query_set ON trackstar.search (query_set_id);

-- The strongest documents of each query so far, by pass and direction: their ids and scores.
CREATE TABLE trackstar.search_tensor (
    run    text NOT NULL REFERENCES trackstar.search ON DELETE CASCADE,
    name   text NOT NULL,
    dtype  text NOT NULL CHECK (dtype IN ('float32', 'int64')),
    shape  integer[] NOT NULL,
    data   bytea NOT NULL,
    PRIMARY KEY (run, name)
);
ALTER TABLE trackstar.search_tensor ALTER COLUMN data SET STORAGE EXTERNAL;

-- Indexes -----------------------------------------------------------------------------------------

-- The index `signs` of an encoding: two bits for each number of a gradient (trackstar.signs), narrow enough to be read
-- from end to end. A partition an encoding, made by `trackstar index build` and kept by a trigger on its gradients.
CREATE TABLE trackstar.gradient_signs (
    encoding_id  bigint NOT NULL,
    document_id  bigint NOT NULL,
    signs        bit varying NOT NULL,
    PRIMARY KEY (encoding_id, document_id)
) PARTITION BY LIST (encoding_id);
ALTER TABLE trackstar.gradient_signs ALTER COLUMN signs SET STORAGE PLAIN;
