-- Tables of trackstar with the planner's estimate of their rows; partitions count as their parent.
SELECT relname, reltuples::bigint
FROM pg_class
WHERE relnamespace = to_regnamespace('trackstar') AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname NOT IN ('alembic_version', 'gradient', 'gradient_block', 'gradient_code', 'gradient_signs')
ORDER BY relname;
