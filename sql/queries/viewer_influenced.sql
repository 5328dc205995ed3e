-- The queries that a document influences, the best ranks first, from a place on: their numbers, and then, row by row,
-- what is known of them.
SELECT p.run, p.method, p.direction, p.rank, p.score, p.query_set, p.query_id,
       CASE WHEN length(p.prompt) <= %(longest)s THEN p.prompt
            ELSE left(p.prompt, %(longest)s / 2) || ' … ' || right(p.prompt, %(longest)s / 2) END AS prompt,
       CASE WHEN length(p.target) <= %(longest)s THEN p.target
            ELSE left(p.target, %(longest)s) || ' …' END AS target, p.relation,
       p.is_annotated
FROM (SELECT t.run, t.query_id, t.direction, t.rank
      FROM tda.proponent t
      WHERE t.document_id = %(document_id)s AND {of_run} AND {place}
      ORDER BY t.rank, t.query_id, t.run, t.direction
      LIMIT %(size)s) found
CROSS JOIN LATERAL (SELECT *
                    FROM tda.proponent whole
                    WHERE whole.run = found.run AND whole.query_id = found.query_id
                      AND whole.direction = found.direction AND whole.rank = found.rank
                    LIMIT 1) p
ORDER BY p.rank, p.query_id, p.run, p.direction;
