-- The views of schema tda, each with its columns in their order and what the comments say.
SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,
       (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
                                          'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c
WHERE c.relnamespace = 'tda'::regnamespace AND c.relkind = 'v'
ORDER BY c.relname COLLATE "C";
