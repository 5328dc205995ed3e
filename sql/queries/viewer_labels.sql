-- What each labeler says of some documents for one query, or the fact that it asks for.
SELECT l.document_id, l.labeler, l.ais_score
FROM tda.entailment_label l
WHERE l.document_id = ANY (%(document_ids)s) AND (l.fact_id = %(fact_id)s OR l.query_id = %(query_id)s)
ORDER BY l.document_id, l.labeler;
