-- As read_gradient, of gradients in one or two bits a number.
COPY (SELECT document_id, scale, code
      FROM trackstar.{partition}
      WHERE document_id > {after} AND document_id <= {through}
        AND ({document_ids}::bigint[] IS NULL OR document_id = ANY ({document_ids}::bigint[]))
     ) TO STDOUT (FORMAT BINARY);
