-- Codes that are longer than a page stand outside it, as they are: they do not compress.
ALTER TABLE trackstar.{partition} ALTER COLUMN code SET STORAGE EXTERNAL;
