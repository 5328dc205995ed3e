-- The stored labels of some relations.
SELECT uri, label FROM trackstar.relation WHERE uri = ANY(%(keys)s);
