-- The models that runs stand on, one row for each encoding of a run, and the folder of each; runs without are left out.
SELECT r.run_id, r.name AS run, e.name AS encoding, e.recipe -> 'model' ->> 'name' AS model, m.content_digest AS digest
FROM trackstar.run r
JOIN trackstar.encoding e
  ON e.encoding_id = r.encoding_id
  OR e.encoding_id IN (SELECT x.encoding_id FROM trackstar.run_encoding x WHERE x.run_id = r.run_id)
JOIN trackstar.model m USING (model_id)
WHERE r.run_id = ANY(%(run_ids)s)
ORDER BY r.run_id, e.encoding_id;
