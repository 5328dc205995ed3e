-- New entities, and the names that stored ones did not have yet: the first label stays, others become aliases.
INSERT INTO trackstar.entity AS stored (uri, label, aliases)
SELECT uri, label, aliases FROM pg_temp.load_entity ORDER BY place
ON CONFLICT (uri) DO UPDATE
SET aliases = stored.aliases || ARRAY(
        SELECT new.name
        FROM unnest(array_prepend(EXCLUDED.label, EXCLUDED.aliases)) WITH ORDINALITY AS new (name, place)
        WHERE new.name <> stored.label AND new.name <> ALL (stored.aliases)
        ORDER BY new.place)
WHERE NOT array_append(stored.aliases, stored.label) @> array_append(EXCLUDED.aliases, EXCLUDED.label);
