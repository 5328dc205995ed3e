-- A number that changes when the base encoding of a query of a set, or its part of a task, is made again.
SELECT count(*), sum(hashint8extended(query_id, written))::text
FROM (SELECT g.query_id, g.xmin::text::bigint AS written
      FROM trackstar.query_gradient g
      JOIN trackstar.query q USING (query_id)
      WHERE q.query_set_id = %(query_set_id)s AND g.encoding_id = ANY (%(encoding_ids)s)
      UNION ALL
      SELECT t.query_id, t.xmin::text::bigint
      FROM trackstar.task_query t
      WHERE t.task_id = ANY (%(task_ids)s)) parts;
