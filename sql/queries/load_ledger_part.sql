-- What became of one part, in the transaction that writes its rows.
INSERT INTO trackstar.load_part (load_id, part, digest, read, inserted, updated, skipped, rejected)
VALUES (%(load_id)s, %(part)s, %(digest)s, %(read)s, %(inserted)s, %(updated)s, %(skipped)s, %(rejected)s)
ON CONFLICT (load_id, part) DO UPDATE
SET digest = EXCLUDED.digest, read = EXCLUDED.read, inserted = EXCLUDED.inserted, updated = EXCLUDED.updated,
    skipped = EXCLUDED.skipped, rejected = EXCLUDED.rejected;
