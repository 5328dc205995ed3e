-- What a million documents need: filters, full fidelity, searches that continue.

-- Filters -----------------------------------------------------------------------------------------

CREATE INDEX document_metadata ON trackstar.document USING gin (metadata jsonb_path_ops);

-- Full fidelity -----------------------------------------------------------------------------------

-- Gradients too long for one page: a row for each layer block, again one page each. An encoding's gradients
-- stand here or in `gradient`, by their dimension.
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

-- Searches that continue --------------------------------------------------------------------------
