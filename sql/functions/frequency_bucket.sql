-- The bucket of a fact's frequency. The only place where the edges stand.
-- The order of magnitude, rounded: the data release shows 113 in bucket 2 and 212,481 in bucket 5.
CREATE OR REPLACE FUNCTION tda.frequency_bucket(frequency bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN frequency <= 0 THEN 0
    WHEN frequency <= 31 THEN 1
    WHEN frequency <= 316 THEN 2
    WHEN frequency <= 3162 THEN 3
    WHEN frequency <= 31622 THEN 4
    ELSE 5
END;

COMMENT ON FUNCTION tda.frequency_bucket(bigint) IS
    'Bucket 0 to 5 of a fact''s frequency: 0 = never, then the nearest power of ten '
    '(1: 1-31, 2: 32-316, 3: 317-3,162, 4: 3,163-31,622, 5: more).';
