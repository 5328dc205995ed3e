-- How much memory this session may take to build an index.
SELECT set_config('maintenance_work_mem', %(kilobytes)s || 'kB', false);
