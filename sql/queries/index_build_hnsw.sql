-- HNSW over an encoding's gradients in half precision; others may write meanwhile.
CREATE INDEX CONCURRENTLY {index} ON trackstar.{partition}
    USING hnsw ((gradient::halfvec({dimension})) halfvec_ip_ops);
