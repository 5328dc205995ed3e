-- Whether an encoding has an index of a kind that searches can use: it is built to its end.
CREATE OR REPLACE FUNCTION trackstar.is_index_ready(in_encoding_id bigint, in_index text) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM pg_index i
    WHERE in_index <> 'signs' AND i.indisvalid
      AND i.indexrelid = to_regclass(format('trackstar.%I', 'gradient_' || in_encoding_id || '_' || in_index))
) OR EXISTS (
    SELECT FROM pg_inherits p
    WHERE in_index = 'signs' AND p.inhparent = to_regclass('trackstar.gradient_signs')
      AND p.inhrelid = to_regclass(format('trackstar.%I', 'gradient_signs_' || in_encoding_id))
);

COMMENT ON FUNCTION trackstar.is_index_ready(bigint, text) IS
    'Whether an encoding has an index of that kind, built to its end.';

-- Nothing where a search may use an index; otherwise the error that says what to do.
CREATE OR REPLACE FUNCTION trackstar.require_index(in_encoding_id bigint, in_index text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kinds text[] := ARRAY['signs', 'binary', 'hnsw', 'ivfflat'];
    encoding_name text;
    is_by_block boolean;
    found_bits integer;
    found_dimension integer;
BEGIN
    SELECT e.name, e.is_by_block, e.bits, e.dimension INTO encoding_name, is_by_block, found_bits, found_dimension
    FROM trackstar.encoding e
    WHERE e.encoding_id = in_encoding_id;
    IF in_index <> ALL (kinds) THEN
        RAISE EXCEPTION 'no kind of index is called %', quote_literal(in_index)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'There are: ' || array_to_string(kinds, ', ');
    ELSIF found_bits < 16 THEN
        RAISE EXCEPTION 'encoding % keeps % bits of each number, which no index covers',
            quote_literal(encoding_name), found_bits
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Search it without naming an index: its codes are as narrow.';
    ELSIF is_by_block THEN
        RAISE EXCEPTION 'encoding % keeps its % numbers in a row for each layer block, which no index covers',
            quote_literal(encoding_name), found_dimension
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Search exactly, without naming an index.';
    ELSIF NOT trackstar.is_index_ready(in_encoding_id, in_index) THEN
        RAISE EXCEPTION 'encoding % has no finished index of kind %', quote_literal(encoding_name), in_index
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = format('Run: trackstar index build --encoding %s --kind %s', encoding_name, in_index);
    END IF;
END $$;

COMMENT ON FUNCTION trackstar.require_index(bigint, text) IS
    'Raises what is missing where an encoding has no finished index of that kind.';
