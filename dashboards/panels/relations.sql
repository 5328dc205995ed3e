-- Which relations are traced to documents that state the fact, and which are not?
SELECT query_set, judge, run, method, relation, sum(queries)::bigint AS queries,
       sum(mrr * queries) / sum(queries)::double precision AS mrr,
       sum(recall_at_10 * queries) / sum(queries)::double precision AS recall_at_10,
       sum(tail_patch_queries)::bigint AS tail_patch_queries,
       sum(tail_patch_delta * tail_patch_queries)
           / nullif(sum(tail_patch_queries), 0)::double precision AS tail_patch_delta
FROM tda.metric_heat_map
WHERE judge IN ('annotation', 'ais') AND relation IS NOT NULL
GROUP BY query_set, judge, run, method, relation
