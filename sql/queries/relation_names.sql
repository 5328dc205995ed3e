-- Labels of the relations that are there.
SELECT DISTINCT label FROM trackstar.relation ORDER BY label;
