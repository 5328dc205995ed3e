-- Keep the strongest documents that a search has found so far.
INSERT INTO trackstar.search_tensor (run, name, dtype, shape, data)
VALUES (%(run)s, %(name)s, %(dtype)s, %(shape)s, %(data)s)
ON CONFLICT (run, name) DO UPDATE SET dtype = excluded.dtype, shape = excluded.shape, data = excluded.data;
