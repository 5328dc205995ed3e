-- A metric of a run by relation and frequency bucket, as of the last refresh. {column}: of the metric, {queries}: behind it.
SELECT m.relation, m.frequency_bucket, m.{column} AS value, m.{queries} AS queries, m.refreshed_at
FROM tda.metric_heat_map m
WHERE m.run = %(run)s AND m.judge = %(judge)s
ORDER BY m.relation, m.frequency_bucket;
