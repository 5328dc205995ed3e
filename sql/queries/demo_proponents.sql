-- The first proponents of one query of a run, as an analyst reads them.
SELECT rank, influence, external_id, text, is_annotated
FROM tda.proponent
WHERE run = %(run)s AND query_id = %(query_id)s AND direction = 'proponent' AND rank <= %(k)s
ORDER BY rank;
