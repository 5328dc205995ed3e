-- HNSW over the signs of an encoding's gradients, compared by how many differ; others may write meanwhile.
CREATE INDEX CONCURRENTLY {index} ON trackstar.{partition}
    USING hnsw ((binary_quantize(gradient)::bit({dimension})) bit_hamming_ops);
