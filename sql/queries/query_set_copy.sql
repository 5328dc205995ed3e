-- Copies of queries of another set, in its order: all of them, or the first or a seeded sample of those that a model
-- answers right or wrong. The same sample whatever the queries' order or numbers.
INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, metadata, content_digest)
SELECT %(query_set_id)s, chosen.external_id, chosen.prompt, chosen.target, chosen.fact_id, chosen.metadata,
       chosen.content_digest
FROM (SELECT q.*
      FROM trackstar.query q
      LEFT JOIN trackstar.prediction p ON p.model_id = %(model_id)s AND p.query_id = q.query_id
      WHERE q.query_set_id = %(source_id)s
        AND (%(is_correct)s::boolean IS NULL OR p.is_correct = %(is_correct)s)
      ORDER BY CASE WHEN %(seed)s::bigint IS NOT NULL THEN hashtextextended(q.external_id, %(seed)s) END,
               q.query_id
      LIMIT %(limit)s) chosen
ORDER BY chosen.query_id;
