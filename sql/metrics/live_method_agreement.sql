-- tda.query_agreement averaged by relation and frequency bucket, each pair of runs once: what trackstar.method_agreement
-- is computed from, private. By joins of whole tables, where that view looks query by query.
CREATE OR REPLACE VIEW trackstar.live_method_agreement AS
SELECT o.run_id, other.run_id AS other_run_id, o.relation_id, o.frequency_bucket, count(*) AS queries,
       avg(coalesce(shared.documents, 0)
           / least(greatest(o.proponents, other.proponents), 10)::double precision) AS overlap,
       avg(coalesce(shared.is_same_first, false)::integer)::double precision AS same_first
FROM trackstar.query_overview o
JOIN trackstar.query_overview other ON other.query_id = o.query_id AND other.run_id > o.run_id
LEFT JOIN (SELECT p.run_id, other_p.run_id AS other_run_id, p.query_id, count(*) AS documents,
                  bool_or(p.rank = 1 AND other_p.rank = 1) AS is_same_first
           FROM trackstar.proponent p
           JOIN trackstar.proponent other_p ON other_p.query_id = p.query_id
                AND other_p.document_id = p.document_id AND other_p.run_id > p.run_id
           WHERE p.direction = 'proponent' AND p.rank <= 10
             AND other_p.direction = 'proponent' AND other_p.rank <= 10
           GROUP BY p.run_id, other_p.run_id, p.query_id) shared
    ON shared.run_id = o.run_id AND shared.other_run_id = other.run_id AND shared.query_id = o.query_id
WHERE greatest(o.proponents, other.proponents) > 0
GROUP BY o.run_id, other.run_id, o.relation_id, o.frequency_bucket;

COMMENT ON VIEW trackstar.live_method_agreement IS 'What trackstar.method_agreement is computed from.';
