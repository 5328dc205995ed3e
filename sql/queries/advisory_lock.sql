-- A lock of this session on a name; waits while another session holds it.
SELECT pg_advisory_lock(hashtextextended(%(name)s, 0));
