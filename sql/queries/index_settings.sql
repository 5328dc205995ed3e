-- What memory this session may take for an index, and the server's own word on how much there is, in bytes.
SELECT pg_size_bytes(current_setting('maintenance_work_mem')), pg_size_bytes(current_setting('effective_cache_size'));
