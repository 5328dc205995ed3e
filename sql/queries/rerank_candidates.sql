-- The best and the last documents of each query of a set in a run, in the order of documents.
COPY (SELECT p.query_id, p.document_id, bool_or(p.direction = 'proponent'), bool_or(p.direction = 'opponent')
      FROM trackstar.run r
      JOIN trackstar.proponent p ON p.run_id = r.run_id
      JOIN trackstar.query q ON q.query_id = p.query_id
      WHERE r.name = %(run)s AND q.query_set_id = %(query_set_id)s AND p.rank <= %(candidates)s
      GROUP BY p.query_id, p.document_id
      ORDER BY p.document_id, p.query_id) TO STDOUT (FORMAT BINARY);
