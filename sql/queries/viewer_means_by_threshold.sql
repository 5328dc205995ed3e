-- Means by entailment and another threshold than the run's, over the queries that a filter leaves, or some of them.
SELECT count(*) AS queries, avg(coalesce(1 / judged.first_rank::double precision, 0)) AS mrr,
       avg((coalesce(judged.first_rank, 11) <= 10)::integer)::double precision AS recall_at_10,
       avg(judged.in_ten / 10::double precision) AS precision_at_10
FROM {source} o
CROSS JOIN LATERAL (
    SELECT min(p.rank) FILTER (WHERE p.ais_score > %(threshold)s) AS first_rank,
           count(*) FILTER (WHERE p.ais_score > %(threshold)s AND p.rank <= 10) AS in_ten
    FROM tda.proponent p
    WHERE p.run = %(run)s AND p.query_id = o.query_id AND p.direction = 'proponent'
) judged
WHERE o.run_id = %(run_id)s AND o.best_ais_score IS NOT NULL AND {sample} AND {condition};
