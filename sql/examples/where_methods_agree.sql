-- Where do BM25 and TrackStar agree, and on what?
-- overlap: mean share of their first ten that is the same; shared_stating: of the documents that both found, the share
-- that states the fact; all_stating: of all that the run found.
WITH parameter AS (SELECT
    'demo'::text AS run,            -- one run
    'demo/bm25'::text AS other_run  -- another over the same queries
), found AS (
    SELECT p.query_id, count(*) AS documents, count(other.document_id) AS shared,
           count(*) FILTER (WHERE p.is_annotated) AS stating,
           count(other.document_id) FILTER (WHERE p.is_annotated) AS shared_stating
    FROM parameter
    JOIN tda.proponent p ON p.run = parameter.run AND p.direction = 'proponent' AND p.rank <= 10
    LEFT JOIN tda.proponent other ON other.run = parameter.other_run AND other.direction = 'proponent'
         AND other.rank <= 10 AND other.query_id = p.query_id AND other.document_id = p.document_id
    GROUP BY p.query_id
)
SELECT relation, count(*) AS queries,
       round(avg(overlap)::numeric, 2) AS overlap,
       round(avg(is_same_first::integer), 2) AS same_first,
       round(sum(shared_stating) / nullif(sum(found.shared), 0), 2) AS shared_stating,
       round(sum(stating) / sum(documents), 2) AS all_stating
FROM tda.query_agreement
JOIN parameter USING (run, other_run)
JOIN found USING (query_id)
GROUP BY relation
ORDER BY overlap DESC, relation;
