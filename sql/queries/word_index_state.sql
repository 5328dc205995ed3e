-- Whether the index of documents' words is there, whole and without statistics of words; no row where there is none.
SELECT i.indisvalid AND coalesce(a.attstattarget, -1) = 0
FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = 1
WHERE i.indexrelid = to_regclass('trackstar.document_words');
