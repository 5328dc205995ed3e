-- Every task, as tda.task shows it.
SELECT task, encoding, query_set, mixing_lambda, lambda_from, queries, lowest_rank, block_width, created_at
FROM tda.task
ORDER BY task;
