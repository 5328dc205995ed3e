"""Search: methods, tasks, rankers, runs and traces."""
