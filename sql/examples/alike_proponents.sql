-- Which proponents of one query are nearly the same text, so that a list of ten holds fewer than ten findings?
WITH parameter AS (SELECT
    'demo'::text AS run,              -- the run to look at
    10::integer AS k,                 -- how many first proponents of a query count
    0.7::double precision AS overlap  -- how much of their words two texts share at least, from 0 to 1
), worded AS (
    SELECT p.query_id, p.prompt, p.rank, p.document_id, p.text, overlap,
           ARRAY(SELECT DISTINCT word FROM regexp_split_to_table(lower(p.text), '\W+') word WHERE word <> '') AS words
    FROM tda.proponent p
    JOIN parameter USING (run)
    WHERE p.direction = 'proponent' AND p.rank <= k
)
SELECT a.prompt, a.rank AS rank_a, b.rank AS rank_b, round(shared.words::numeric / together.words, 2) AS overlap,
       a.text AS text_a, b.text AS text_b
FROM worded a
JOIN worded b ON b.query_id = a.query_id AND b.rank > a.rank
CROSS JOIN LATERAL (SELECT count(*) AS words FROM unnest(a.words) word WHERE word = ANY (b.words)) shared
CROSS JOIN LATERAL (SELECT nullif(cardinality(a.words) + cardinality(b.words) - shared.words, 0) AS words) together
WHERE shared.words::double precision / together.words >= a.overlap
ORDER BY overlap DESC, a.query_id, a.rank, b.rank
LIMIT 25;
