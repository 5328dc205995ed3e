-- What policies ask of each row. It costs less than any operator, so that it is asked before all that a reader compares:
-- see sql/roles.sql. In PL/pgSQL, as SQL would be inlined and cost what its operator does. Without SET, which takes time
-- at each row: the operator is named with its schema.
CREATE OR REPLACE FUNCTION trackstar.is_outside(number bigint, numbers int8multirange) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 0.000001 AS $$
BEGIN
    RETURN NOT numbers OPERATOR(pg_catalog.@>) number;
END $$;

COMMENT ON FUNCTION trackstar.is_outside(bigint, int8multirange) IS 'Whether a number is in none of some ranges.';

CREATE OR REPLACE FUNCTION trackstar.number_ranges(numbers bigint[]) RETURNS int8multirange
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT coalesce(range_agg(int8range(n, n, '[]')), '{}') FROM unnest(numbers) n);

COMMENT ON FUNCTION trackstar.number_ranges(bigint[]) IS
    'Numbers as ranges, among which one is found quickly; NULL for NULL, and none for none.';
