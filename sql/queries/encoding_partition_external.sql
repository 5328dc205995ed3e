-- Gradients of blocks that are longer than a page stand outside it, as they are: numbers do not compress.
ALTER TABLE trackstar.{partition} ALTER COLUMN gradient SET STORAGE EXTERNAL;
