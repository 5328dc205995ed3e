-- Rows of a precomputed table that are no longer so. Whole rows are compared: in them NULL is equal to NULL.
DELETE FROM trackstar.{name} old WHERE NOT EXISTS (SELECT FROM fresh new WHERE new = old);
