-- The clients that are connected to the embedded server besides this one.
SELECT pid
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();
