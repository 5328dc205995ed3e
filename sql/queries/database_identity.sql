-- Which database this is, by whatever address it was reached: its server's number, how often that forked, its own number.
SELECT s.system_identifier, c.timeline_id, d.oid::bigint
FROM pg_control_system() s
CROSS JOIN pg_control_checkpoint() c
JOIN pg_database d ON d.datname = current_database();
