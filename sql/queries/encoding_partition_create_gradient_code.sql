-- The gradients of one encoding in one or two bits a number; made empty, so that PLAIN storage holds for every row.
CREATE TABLE trackstar.{partition} PARTITION OF trackstar.gradient_code (
    CONSTRAINT gradient_code_length CHECK (length(code) = {bits})
) FOR VALUES IN ({encoding_id});
