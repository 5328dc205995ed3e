-- How far two runs agree on the queries that both asked, in one row. $1 and $2 runs, $3 how many proponents count.
SELECT count(*) AS queries, avg(overlap) AS mean_overlap, avg(rank_correlation) AS mean_rank_correlation,
       count(*) FILTER (WHERE first_difference IS NULL) AS queries_with_the_same_list,
       count(*) FILTER (WHERE first_difference = 1) AS queries_with_another_first
FROM tda.compare_runs($1::text, $2::text, $3::integer);
