-- Every run's number and name, oldest first.
SELECT run_id, name FROM trackstar.run ORDER BY run_id;
