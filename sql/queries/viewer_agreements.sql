-- How far two runs agree on some queries, each with the order of the documents that both found among the first ten. Query
-- by query, as the LIMIT makes it.
SELECT asked.query_id, q.shared, q.overlap, q.is_same_first, places.rank_correlation
FROM unnest(%(query_ids)s::bigint[]) asked (query_id)
CROSS JOIN LATERAL (SELECT a.shared, a.overlap, a.is_same_first
                    FROM tda.query_agreement a
                    WHERE a.run = %(run)s AND a.other_run = %(other_run)s AND a.query_id = asked.query_id
                    LIMIT 1) q
CROSS JOIN LATERAL (
    SELECT corr(placed.place, placed.other_place) AS rank_correlation
    FROM (SELECT row_number() OVER (ORDER BY mine.rank) AS place, row_number() OVER (ORDER BY theirs.rank) AS other_place
          FROM tda.proponent mine
          JOIN tda.proponent theirs ON theirs.query_id = mine.query_id AND theirs.document_id = mine.document_id
          WHERE mine.run = %(run)s AND mine.query_id = asked.query_id AND mine.direction = 'proponent' AND mine.rank <= 10
            AND theirs.run = %(other_run)s AND theirs.query_id = asked.query_id AND theirs.direction = 'proponent'
            AND theirs.rank <= 10) placed
) places;
