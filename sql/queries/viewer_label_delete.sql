-- What a labeler said of a document and a fact, or a query without a fact.
DELETE FROM trackstar.entailment_label
WHERE document_id = %(document_id)s AND fact_id IS NOT DISTINCT FROM %(fact_id)s
  AND query_id IS NOT DISTINCT FROM %(query_id)s AND labeler = %(labeler)s;
