-- A name by which other connections see what this transaction sees, as long as it is open.
SELECT pg_export_snapshot();
