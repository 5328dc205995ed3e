-- A corpus, unless another load has made it just now.
INSERT INTO trackstar.corpus (name) VALUES (%(name)s) ON CONFLICT ((name || '')) DO NOTHING;
