-- Wait for other upgrades of this database; the lock ends with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('trackstar upgrade', 0));
