-- How far every other run over the same queries agrees with one, as of the last refresh.
SELECT a.other_run, a.other_method, a.queries, a.overlap, a.same_first
FROM tda.method_agreement a
WHERE a.run = %(run)s
ORDER BY a.overlap DESC, a.other_run;
