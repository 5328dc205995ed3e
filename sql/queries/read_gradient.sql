-- The gradients of the documents above one number up to another, or of some of them alone.
COPY (SELECT document_id, {gradient}
      FROM trackstar.{partition}
      WHERE document_id > {after} AND document_id <= {through}
        AND ({document_ids}::bigint[] IS NULL OR document_id = ANY ({document_ids}::bigint[]))
     ) TO STDOUT (FORMAT BINARY);
