-- IVFFlat over an encoding's gradients in half precision; others may write meanwhile.
CREATE INDEX CONCURRENTLY {index} ON trackstar.{partition}
    USING ivfflat ((gradient::halfvec({dimension})) halfvec_ip_ops) WITH (lists = {lists});
