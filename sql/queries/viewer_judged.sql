-- How many queries of a run its source judges, by relation and bucket; as of the last refresh.
SELECT m.relation, m.frequency_bucket, m.queries
FROM tda.metric_heat_map m
WHERE m.run = %(run)s AND m.judge = 'annotation';
