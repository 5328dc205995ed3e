-- New relations, in the order of their uris.
INSERT INTO trackstar.relation (uri, label)
SELECT new.uri, new.label
FROM unnest(%(uris)s::text[], %(labels)s::text[]) WITH ORDINALITY AS new (uri, label, place)
ORDER BY new.place
ON CONFLICT (uri) DO NOTHING;
