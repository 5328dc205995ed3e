-- Runs that have tail-patches of a step which neither they nor another run with these proponents are judged by: a
-- judge that was stopped leaves them.
WITH left_over AS MATERIALIZED (
    SELECT t.tail_patch_step_id, t.query_id, t.document_id
    FROM trackstar.tail_patch t
    WHERE NOT EXISTS (SELECT
                      FROM trackstar.proponent p
                      JOIN trackstar.run r USING (run_id)
                      WHERE r.tail_patch_step_id = t.tail_patch_step_id AND p.direction = 'proponent'
                        AND p.query_id = t.query_id AND p.document_id = t.document_id)
)
SELECT r.name AS run, s.optimizer, s.learning_rate, count(*) AS proponents
FROM left_over
JOIN trackstar.tail_patch_step s USING (tail_patch_step_id)
JOIN trackstar.proponent p USING (query_id, document_id)
JOIN trackstar.run r USING (run_id)
WHERE p.direction = 'proponent' AND coalesce(r.tail_patch_step_id, 0) < left_over.tail_patch_step_id
GROUP BY r.run_id, s.tail_patch_step_id
ORDER BY r.name, s.tail_patch_step_id;
