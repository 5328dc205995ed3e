-- How many queries of a run there are of each relation and bucket, of all of them or of some; as of the last refresh.
SELECT o.relation, o.frequency_bucket, count(*) AS queries
FROM tda.query_overview o
WHERE o.run_id = %(run_id)s AND {sample}
GROUP BY o.relation, o.frequency_bucket;
