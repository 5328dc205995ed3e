-- No statistics of words: EXPLAIN shows the planner's estimates to everybody, whatever corpus the words are of.
ALTER INDEX trackstar.document_words ALTER COLUMN 1 SET STATISTICS 0;
