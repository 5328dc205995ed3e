-- Proponents that state the fact, by rank
-- Visualization: Line; x rank, y share_stating, series run
-- Variables: query_set, judge (default annotation), each of type text
SELECT rank, share_stating, run FROM (
-- How does the share of proponents that state the fact fall with rank, by annotation and by entailment (AIS) labels?
SELECT query_set, verdict.judge, run, method, rank, count(*) AS proponents,
       avg(verdict.is_correct::integer)::double precision AS share_stating
FROM tda.proponent
CROSS JOIN LATERAL (VALUES ('annotation', is_annotated), ('ais', is_entailed)) verdict (judge, is_correct)
WHERE direction = 'proponent' AND rank <= 10 AND verdict.is_correct IS NOT NULL
GROUP BY query_set, verdict.judge, run, method, rank
) AS panel
WHERE true
  [[AND query_set = {{query_set}}]]
  [[AND judge = {{judge}}]]
