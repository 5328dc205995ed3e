-- Which methods find the same documents?
SELECT query_set, run, other_run, queries, overlap, same_first
FROM tda.method_agreement
