-- The counting of a corpus, at its start.
INSERT INTO trackstar.frequency_count (corpus_id, facts_digest, counted_through, documents)
VALUES (%(corpus_id)s, %(facts_digest)s, 0, 0)
ON CONFLICT (corpus_id) DO UPDATE
SET facts_digest = EXCLUDED.facts_digest, counted_through = 0, documents = 0, is_stale = false, counted_at = now();
