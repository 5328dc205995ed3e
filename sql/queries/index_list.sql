-- Every index of an encoding, or of all: its kind, whether it is finished, its size on disk and that of the gradients.
SELECT e.name AS encoding, kind.name AS kind,
       CASE WHEN trackstar.is_index_ready(e.encoding_id, kind.name) THEN 'ready'
            WHEN progress.pid IS NOT NULL THEN 'building'
            ELSE 'unfinished' END AS state,
       pg_total_relation_size(c.oid) AS bytes,
       pg_table_size(to_regclass(format('trackstar.%%I', 'gradient_' || e.encoding_id))) AS gradient_bytes
FROM trackstar.encoding e
CROSS JOIN unnest(%(kinds)s::text[]) WITH ORDINALITY AS kind (name, place)
JOIN pg_class c ON c.oid = to_regclass(format('trackstar.%%I', CASE kind.name
    WHEN 'signs' THEN 'gradient_signs_' || e.encoding_id
    ELSE 'gradient_' || e.encoding_id || '_' || kind.name END))
LEFT JOIN pg_stat_progress_create_index progress ON progress.index_relid = c.oid
WHERE %(encoding_id)s::bigint IS NULL OR e.encoding_id = %(encoding_id)s
ORDER BY e.name, kind.place;
