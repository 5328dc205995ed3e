-- How many pages a table has.
SELECT pg_relation_size(to_regclass(%(table)s)) / current_setting('block_size')::bigint;
