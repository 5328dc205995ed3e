-- The documents with the lowest influence on one gradient, by an exact scan.
SELECT n.document_id, n.influence, d.corpus, d.external_id, d.text
FROM (SELECT document_id, -(gradient <#> %(gradient)s) AS influence
      FROM trackstar.gradient
      WHERE encoding_id = %(encoding_id)s
      ORDER BY gradient <#> %(gradient)s DESC, document_id
      LIMIT %(k)s) n
JOIN tda.document d USING (document_id)
ORDER BY n.influence, n.document_id;
