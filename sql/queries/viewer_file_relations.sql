-- The relations that an opened file names.
INSERT INTO trackstar.relation (uri, label)
SELECT s.relation_uri, min(s.relation) FROM said s GROUP BY s.relation_uri
ON CONFLICT DO NOTHING;
