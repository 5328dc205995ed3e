-- Intervals of means of runs.
COPY trackstar.metric_interval (run_id, judge, metric, slice, slice_value, queries, value, low, high)
FROM STDIN (FORMAT BINARY);
