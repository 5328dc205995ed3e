-- Every encoding, as tda.encoding shows it.
SELECT encoding, model, dimension, blocks, block_rank, bits, second_moment, loss, encoded_documents, encoded_queries, created_at
FROM tda.encoding
ORDER BY encoding;
