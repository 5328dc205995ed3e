-- The strongest documents that a search had found.
SELECT name, dtype, shape, data FROM trackstar.search_tensor WHERE run = %(run)s;
