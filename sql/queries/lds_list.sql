-- The LDS of runs, best first.
SELECT run, method, lds, lds_low, lds_high, subsets, queries
FROM tda.lds
WHERE retraining = %(retraining)s AND run = ANY (%(runs)s)
ORDER BY lds DESC, run;
