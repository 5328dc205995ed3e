-- Forget how far the search for a run came.
DELETE FROM trackstar.search WHERE run = %(run)s RETURNING run;
