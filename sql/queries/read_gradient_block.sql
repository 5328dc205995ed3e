-- As read_gradient, of gradients that are stored by layer block.
COPY (SELECT document_id, block, {gradient}
      FROM trackstar.{partition}
      WHERE document_id > {after} AND document_id <= {through}
        AND ({document_ids}::bigint[] IS NULL OR document_id = ANY ({document_ids}::bigint[]))
     ) TO STDOUT (FORMAT BINARY);
