-- All that is known of one query's answer in one run. $1 run, $2 query.
SELECT * FROM tda.explain($1::text, $2::bigint);
