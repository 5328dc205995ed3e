-- What each query was answered by the models of the first subsets, in their order; queries that all of them answered.
SELECT query_id, array_agg(target_log_probability ORDER BY subset)
FROM trackstar.retrained_answer
WHERE retraining_id = %(retraining_id)s AND subset < %(subsets)s
GROUP BY query_id
HAVING count(*) = %(subsets)s;
