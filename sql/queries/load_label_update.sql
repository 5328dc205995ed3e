-- The labels of one part that give a stored one another score.
UPDATE trackstar.entailment_label stored
SET score = new.score
FROM pg_temp.load_label new
WHERE stored.document_id = new.document_id
  AND stored.fact_id IS NOT DISTINCT FROM new.fact_id
  AND stored.query_id IS NOT DISTINCT FROM new.query_id
  AND stored.labeler = new.labeler
  AND new.place >= %(first_update)s;
