-- Where the database lies, for those who may know it: data directory, own tablespace, the server's identity, and
-- whether this connection is by a socket of the server's machine.
SELECT s.setting AS data_directory,
       coalesce(nullif(pg_tablespace_location(d.dattablespace), ''), s.setting) AS location,
       c.system_identifier,
       inet_server_addr() IS NULL AS is_socket
FROM pg_settings s, pg_database d, pg_control_system() c
WHERE s.name = 'data_directory' AND d.datname = current_database();
