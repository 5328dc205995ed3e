-- How far the write-ahead log grows between checkpoints, in bytes.
SELECT pg_size_bytes(current_setting('max_wal_size'));
