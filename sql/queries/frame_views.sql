-- The views of schema tda with their columns, in order.
SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'tda'::regnamespace AND c.relkind IN ('v', 'm')
GROUP BY c.relname
ORDER BY c.relname;
