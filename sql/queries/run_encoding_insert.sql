-- An encoding that a run stands on.
INSERT INTO trackstar.run_encoding (run_id, encoding_id) VALUES (%(run_id)s, %(encoding_id)s);
