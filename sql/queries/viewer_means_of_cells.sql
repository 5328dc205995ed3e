-- Means of a run by judge, over the cells (relation, frequency bucket) that a filter leaves; as of the last refresh.
SELECT o.judge, sum(o.queries)::bigint AS queries,
       sum(o.mrr * o.queries) / sum(o.queries)::double precision AS mrr,
       sum(o.recall_at_10 * o.queries) / sum(o.queries)::double precision AS recall_at_10,
       sum(o.precision_at_10 * o.queries) / sum(o.queries)::double precision AS precision_at_10,
       sum(o.tail_patch_delta * o.tail_patch_queries) / nullif(sum(o.tail_patch_queries), 0)::double precision
           AS tail_patch_delta,
       sum(o.tail_patch_queries)::bigint AS tail_patch_queries
FROM tda.metric_heat_map o
WHERE o.run = %(run)s AND {condition}
GROUP BY o.judge
ORDER BY o.judge DESC;
