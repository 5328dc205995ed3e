-- What is there already need not be written. In a step of its own: a join with the table that is being written would
-- look at each new row again for every row.
DELETE FROM fresh new USING trackstar.{name} old WHERE new = old;
