-- Tell the planner of the rows of a new run.
ANALYZE trackstar.proponent, trackstar.run_query;
