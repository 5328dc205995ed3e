-- The means of runs before a judge, as one of the views has them; slice by slice, methods in their usual order.
SELECT mean.*
FROM tda.{view} mean
LEFT JOIN trackstar.method ON method.name = mean.method
WHERE mean.run = ANY(%(runs)s) AND mean.judge = %(judge)s
ORDER BY {slice} NULLS LAST, method.position NULLS LAST, mean.run;
