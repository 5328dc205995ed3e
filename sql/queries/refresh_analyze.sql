-- Tell the planner what a precomputed table holds now.
ANALYZE trackstar.{name};
