-- The relations of a label or uri.
SELECT relation_id FROM trackstar.relation WHERE %(name)s IN (label, uri) ORDER BY relation_id;
