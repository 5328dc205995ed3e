-- The proponents and opponents of one query of a run, with what judges say and what they share with the query.
SELECT e.direction, e.rank, e.score, e.influence, e.document_id, e.corpus, e.external_id, e.text, e.is_annotated,
       e.ais_score, e.best_window, e.kind, e.word_overlap, e.tail_patch_delta
FROM tda.explain(%(run)s, %(query_id)s) e
ORDER BY e.direction DESC, e.rank;
