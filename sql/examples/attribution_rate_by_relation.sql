-- Which relations are traced to documents that state the fact, and which to others?
SELECT relation,
       round(avg(is_found::integer), 3) AS recall_at_10,
       count(*) AS queries
FROM (SELECT relation, bool_or(is_annotated AND rank <= 10) AS is_found
      FROM tda.proponent
      WHERE run = 'demo' AND direction = 'proponent'
      GROUP BY query_id, relation) AS query
GROUP BY relation
ORDER BY recall_at_10 DESC, relation;
