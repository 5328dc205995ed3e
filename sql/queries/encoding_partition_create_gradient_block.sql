-- The gradients of one encoding by layer block; made empty, so that PLAIN storage holds for every row.
CREATE TABLE trackstar.{partition} PARTITION OF trackstar.gradient_block (
    CONSTRAINT gradient_block_dimension CHECK (vector_dims(gradient) = {dimension}),
    CONSTRAINT gradient_block_number CHECK (block < {blocks})
) FOR VALUES IN ({encoding_id});
