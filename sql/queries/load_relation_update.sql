-- Other labels of stored relations.
UPDATE trackstar.relation stored
SET label = new.label
FROM unnest(%(uris)s::text[], %(labels)s::text[]) AS new (uri, label)
WHERE stored.uri = new.uri;
