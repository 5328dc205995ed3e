-- Put pgvector's schema at the end of this session's search path, where it is not on it already.
SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(nspname)), false)
FROM pg_extension
JOIN pg_namespace ON pg_namespace.oid = extnamespace
WHERE extname = 'vector'
  AND nspname <> ALL (current_schemas(true))
  AND has_schema_privilege(extnamespace, 'USAGE');
