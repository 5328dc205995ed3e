-- Two runs query by query: first those that they agree on least, last those that neither answered. $1 and $2 runs, $3 how
-- many proponents count.
SELECT query_id, prompt, target, relation, proponents, other_proponents, shared, overlap, rank_correlation,
       first_difference
FROM tda.compare_runs($1::text, $2::text, $3::integer)
ORDER BY overlap, query_id;
