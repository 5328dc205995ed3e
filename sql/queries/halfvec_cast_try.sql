-- The bytes of a halfvec that is known.
SELECT '[1]'::halfvec::bytea;
