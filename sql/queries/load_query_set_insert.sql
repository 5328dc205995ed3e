-- A query set, unless another load has made it just now.
INSERT INTO trackstar.query_set (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING;
