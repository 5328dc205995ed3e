-- How many queries of each run a document is among the first ten for, as of the last refresh.
SELECT r.run, r.method, r.direction, r.queries, r.facts, r.stated_facts, r.best_rank, r.mean_score
FROM tda.document_reach r
WHERE r.document_id = %(document_id)s
ORDER BY r.queries DESC, r.run, r.direction DESC;
