-- A run by its name, whether it was imported, and its queries.
SELECT run_id, settings ? 'imported' AS is_imported, query_count FROM trackstar.run WHERE name = %(name)s;
