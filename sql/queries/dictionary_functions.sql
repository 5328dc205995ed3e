-- The functions of schema tda: how each is called, what comes back, and what the comments say.
SELECT p.proname AS name, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
       obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc p
WHERE p.pronamespace = 'tda'::regnamespace
ORDER BY p.proname COLLATE "C", p.pronargs DESC;
