-- Gives back a lock of this session.
SELECT pg_advisory_unlock(hashtextextended(%(name)s, 0));
