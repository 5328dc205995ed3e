-- The first proponents of each query of some runs: each document and fact (or query that is no fact) once, always in
-- the same order, and whether a labeler has labelled it.
SELECT fact_id, query_id, document_id, bool_and(is_labelled) AS is_labelled
FROM (SELECT q.fact_id, CASE WHEN q.fact_id IS NULL THEN q.query_id END AS query_id, p.document_id,
             EXISTS (SELECT FROM trackstar.entailment_label l
                     WHERE l.document_id = p.document_id AND l.labeler = %(labeler)s
                       AND (l.fact_id = q.fact_id OR l.query_id = q.query_id)) AS is_labelled
      FROM trackstar.proponent p
      JOIN trackstar.query q USING (query_id)
      WHERE p.run_id = ANY(%(run_ids)s) AND p.direction = 'proponent' AND p.rank <= %(k)s) pair
GROUP BY fact_id, query_id, document_id
ORDER BY fact_id COLLATE "C", query_id, document_id;
