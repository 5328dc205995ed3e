-- Everybody who has labelled something.
SELECT DISTINCT labeler FROM trackstar.entailment_label ORDER BY labeler;
