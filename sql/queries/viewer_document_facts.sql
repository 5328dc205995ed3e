-- The first facts that the source says a document states: their ids, and then, one by one, what they are.
WITH stated AS MATERIALIZED (
    SELECT a.fact_id FROM tda.annotation a WHERE a.document_id = %(document_id)s
)
SELECT f.fact_id, f.subject, f.relation, f.object
FROM (SELECT s.fact_id FROM stated s ORDER BY s.fact_id LIMIT %(size)s) first
CROSS JOIN LATERAL (SELECT k.fact_id, k.subject, k.relation, k.object
                    FROM tda.fact k
                    WHERE k.fact_id = first.fact_id
                    LIMIT 1) f
ORDER BY f.fact_id;
