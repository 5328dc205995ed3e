-- The proponents and opponents of one query of a run, with what judges say and what they share with the query. Of a long
-- text the part around the first of some names; what is shared is not looked for in many long texts, or of a long prompt.
WITH found AS MATERIALIZED (
    SELECT p.direction, p.rank, p.score, p.influence, p.document_id, p.corpus, p.external_id, p.text, p.is_annotated,
           p.ais_score, p.tail_patch_delta, length(p.text) AS characters
    FROM tda.proponent p
    WHERE p.run = %(run)s AND p.query_id = %(query_id)s
), size AS MATERIALIZED (
    SELECT coalesce(sum(f.characters), 0) <= %(most_compared)s AND %(asked_characters)s <= %(longest_asked)s AS is_small
    FROM found f
), evidence AS MATERIALIZED (
    SELECT e.direction, e.rank, e.kind
    FROM tda.proponent_explanation e
    WHERE e.run = %(run)s AND e.query_id = %(query_id)s AND (SELECT s.is_small FROM size s)
), said AS MATERIALIZED (
    SELECT coalesce(k.metadata -> 'proponent_ais_best_windows', '[]') AS windows
    FROM tda.run_query k
    WHERE k.run = %(run)s AND k.query_id = %(query_id)s
)
SELECT f.direction, f.rank, f.score, f.influence, f.document_id, f.corpus, f.external_id,
       substr(f.text, part.first, %(longest)s) AS text, f.characters, part.first - 1 AS skipped, f.is_annotated,
       f.ais_score, CASE WHEN f.direction = 'proponent' THEN left(said.windows ->> (f.rank - 1), %(longest)s) END
           AS best_window,
       e.kind, f.tail_patch_delta
FROM found f
CROSS JOIN said
LEFT JOIN evidence e ON e.direction = f.direction AND e.rank = f.rank
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.characters > %(longest)s THEN lower(left(f.text, %(looked_at)s)) END AS lowered OFFSET 0) start
CROSS JOIN LATERAL (SELECT min(nullif(strpos(start.lowered, lower(name)), 0)) AS place
                    FROM unnest(%(names)s::text[]) name) named
CROSS JOIN LATERAL (
    SELECT CASE WHEN named.place > %(longest)s - %(before)s THEN named.place - %(before)s ELSE 1 END AS first) part
ORDER BY f.direction DESC, f.rank;
