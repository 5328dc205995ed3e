-- A lock of this session on a name, if no other session holds it.
SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0));
