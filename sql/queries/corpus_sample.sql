-- A seeded random sample of a corpus: the same documents whatever their order or numbers.
SELECT text
FROM trackstar.document
WHERE corpus_id = %(corpus_id)s
ORDER BY hashtextextended(external_id, %(seed)s), external_id
LIMIT %(sample)s;
