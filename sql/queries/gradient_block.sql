-- The next gradients of an encoding behind a document, in the order of the documents, with the norms they had and,
-- for a task, the norms they have under it. Literals, so that what is not asked for costs nothing.
COPY (SELECT g.document_id, coalesce(e.norm, 'NaN') AS norm, coalesce(t.norm, 'NaN')::float8 AS task_norm, g.gradient
      FROM (SELECT document_id, gradient
            FROM trackstar.{partition} one
            WHERE document_id > {after}
              AND ({corpus_id} IS NULL
                   OR EXISTS (SELECT FROM trackstar.document d
                              WHERE d.corpus_id = {corpus_id} AND d.document_id = one.document_id))
            ORDER BY document_id LIMIT {size}) g
      JOIN trackstar.encoded_document e ON e.encoding_id = {encoding_id} AND e.document_id = g.document_id
      LEFT JOIN trackstar.task_document t ON t.task_id = {task_id} AND t.document_id = g.document_id
      ORDER BY g.document_id) TO STDOUT (FORMAT BINARY);
