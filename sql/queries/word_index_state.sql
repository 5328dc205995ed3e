-- Whether the index of documents' words is there and whole; no row where there is none.
SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass('trackstar.document_words');
