-- The index of documents' words, gone; searches that run meanwhile are not stopped.
DROP INDEX CONCURRENTLY IF EXISTS trackstar.document_words;
