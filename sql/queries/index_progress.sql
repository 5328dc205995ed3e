-- How far the index is that another session builds: phase, documents done, documents in all.
SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index WHERE pid = %(pid)s;
