-- The corpora that may be read.
SELECT corpus FROM tda.corpus ORDER BY corpus;
