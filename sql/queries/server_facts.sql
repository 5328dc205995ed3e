-- What trackstar asks of a server before it writes anything: version, encoding, pgvector.
SELECT current_setting('server_version_num')::integer AS version_number,
       current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS installed_vector,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available_vector;
