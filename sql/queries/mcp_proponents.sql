-- The first proponents, or opponents, of one query in one run. $1 run, $2 query, $3 direction, $4 how many.
SELECT rank, influence, score, is_annotated, ais_score, tail_patch_delta, document_id, corpus, external_id, text
FROM tda.proponent
WHERE run = $1::text AND query_id = $2::bigint AND direction = $3::text
ORDER BY rank
LIMIT $4::bigint;
