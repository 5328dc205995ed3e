-- The gradients of one encoding; made empty, so that PLAIN storage holds for every row.
CREATE TABLE trackstar.{partition} PARTITION OF trackstar.gradient (
    CONSTRAINT gradient_dimension CHECK (vector_dims(gradient) = {dimension})
) FOR VALUES IN ({encoding_id});
