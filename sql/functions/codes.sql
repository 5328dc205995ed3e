-- Codes: the numbers of a gradient in one or two bits each.

CREATE OR REPLACE FUNCTION trackstar.code_levels(in_bits integer) RETURNS double precision[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE in_bits WHEN 1 THEN ARRAY[-1, 1]::double precision[]
                    WHEN 2 THEN ARRAY[-1.510, -0.4528, 0.4528, 1.510]::double precision[] END;

COMMENT ON FUNCTION trackstar.code_levels(integer) IS
    'What the codes 0, 1, … of so many bits stand for, before the scale that makes a gradient a unit vector.';

CREATE OR REPLACE FUNCTION trackstar.decoded(in_code bit varying, in_scale real, in_bits integer) RETURNS vector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg((trackstar.code_levels(in_bits))[
               1 + CASE in_bits WHEN 1 THEN get_bit(in_code, place)
                                ELSE 2 * get_bit(in_code, 2 * place) + get_bit(in_code, 2 * place + 1) END]
               * in_scale ORDER BY place)::real[]::vector
    FROM generate_series(0, length(in_code) / in_bits - 1) AS place;
END;

COMMENT ON FUNCTION trackstar.decoded(bit varying, real, integer) IS
    'The numbers that codes stand for: of a gradient, or of the part of it that was cut out.';

-- A direction q in 12 bits for each number. A code of ±1 bits c stands for sum over its bits of weight x c, so its inner
-- product with q is that of all bits c with u, each number of q times the weights; and u = length x sum over j of
-- 2^j (2 plane_j - 1) / 4095, so that it falls as the sum over j of 2^j times the Hamming distance to plane_j grows.
CREATE OR REPLACE FUNCTION trackstar.code_planes(in_direction real[], in_bits integer)
RETURNS TABLE (planes bit varying[], length double precision)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    WITH levels AS (
        SELECT trackstar.code_levels(in_bits) AS level
    ), weighted AS (
        SELECT n.place, w.bit, n.number * w.weight AS number
        FROM levels,
             unnest(CASE in_bits WHEN 1 THEN ARRAY[level[2]]
                                 ELSE ARRAY[(level[4] + level[3]) / 2, (level[4] - level[3]) / 2] END)
                 WITH ORDINALITY AS w (weight, bit),
             unnest(in_direction) WITH ORDINALITY AS n (number, place)
    ), largest AS (
        SELECT max(abs(number)) AS number FROM weighted
    ), steps AS (
        SELECT round((w.number / nullif(l.number, 0) + 1) / 2 * 4095)::integer AS step, l.number AS length
        FROM weighted w, largest l
        ORDER BY w.place, w.bit
    )
    SELECT ARRAY[string_agg(chr(48 + (step & 1)), ''), string_agg(chr(48 + (step >> 1 & 1)), ''),
                 string_agg(chr(48 + (step >> 2 & 1)), ''), string_agg(chr(48 + (step >> 3 & 1)), ''),
                 string_agg(chr(48 + (step >> 4 & 1)), ''), string_agg(chr(48 + (step >> 5 & 1)), ''),
                 string_agg(chr(48 + (step >> 6 & 1)), ''), string_agg(chr(48 + (step >> 7 & 1)), ''),
                 string_agg(chr(48 + (step >> 8 & 1)), ''), string_agg(chr(48 + (step >> 9 & 1)), ''),
                 string_agg(chr(48 + (step >> 10 & 1)), ''), string_agg(chr(48 + (step >> 11)), '')]::bit varying[],
           max(length)
    FROM steps;
END;

COMMENT ON FUNCTION trackstar.code_planes(real[], integer) IS
    'A direction as twelve planes of bits, lowest first, to be compared with codes of so many bits a number, and its '
    'largest number.';
