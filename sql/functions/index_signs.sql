-- The index `signs`: each number of a gradient as minus, small or plus, in two bits, and a query's numbers in four.
-- Read from end to end it names the documents that are worth an exact comparison.

-- What counts as small: 0.65 standard deviations of the numbers of a gradient of unit norm.
CREATE OR REPLACE FUNCTION trackstar.signs_threshold(in_dimension integer) RETURNS halfvec
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN array_fill((0.65 / sqrt(in_dimension))::real, ARRAY[in_dimension])::halfvec;

COMMENT ON FUNCTION trackstar.signs_threshold(integer) IS
    'The number of a gradient of unit norm from which it counts as plus (and below its negative as minus), repeated.';

CREATE OR REPLACE FUNCTION trackstar.signs(in_gradient halfvec, in_threshold halfvec) RETURNS bit varying
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN binary_quantize(in_gradient - in_threshold) || binary_quantize(in_gradient + in_threshold);

COMMENT ON FUNCTION trackstar.signs(halfvec, halfvec) IS
    'Two bits for each number of a gradient: whether it is above the threshold, and whether it is above its negative.';

-- q = sum over j of 2^j (2 plane_j - 1), up to a factor: the inner product of q with signs falls as the sum over j of
-- 2^j times the Hamming distance grows. Sixteen steps from -3 to 3 standard deviations.
CREATE OR REPLACE FUNCTION trackstar.sign_planes(in_direction halfvec) RETURNS bit varying[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT ARRAY[(b0 || b0)::bit varying, (b1 || b1)::bit varying, (b2 || b2)::bit varying, (b3 || b3)::bit varying]
    FROM (SELECT string_agg((step & 1)::text, '') AS b0, string_agg((step >> 1 & 1)::text, '') AS b1,
                 string_agg((step >> 2 & 1)::text, '') AS b2, string_agg((step >> 3 & 1)::text, '') AS b3
          FROM (SELECT least(greatest(floor(number * sqrt(vector_dims(in_direction)) / 3 * 8) + 8, 0), 15)::integer AS step
                FROM unnest(in_direction::real[]) WITH ORDINALITY AS numbers (number, place)
                ORDER BY place) steps) bits;
END;

COMMENT ON FUNCTION trackstar.sign_planes(halfvec) IS
    'A direction of unit norm in four bits for each number: the planes of the bits, lowest first, each of them twice, '
    'as the two bits of trackstar.signs lie.';

CREATE OR REPLACE FUNCTION trackstar.candidates_by_signs(
    in_encoding_id bigint, in_ones bit varying, in_twos bit varying, in_fours bit varying, in_eights bit varying,
    in_candidates bigint
)
RETURNS TABLE (document_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.document_id
    FROM trackstar.gradient_signs s
    WHERE s.encoding_id = in_encoding_id
    ORDER BY 8 * (s.signs <~> in_eights) + 4 * (s.signs <~> in_fours) + 2 * (s.signs <~> in_twos)
             + (s.signs <~> in_ones)
    LIMIT in_candidates;
END;

COMMENT ON FUNCTION trackstar.candidates_by_signs(
    bigint, bit varying, bit varying, bit varying, bit varying, bigint) IS
    'The documents of an encoding whose signs promise the highest inner product with a direction, given as its four planes.';

-- Keeps the signs as the gradients are: a trigger on the partition of an encoding that has them.
CREATE OR REPLACE FUNCTION trackstar.keep_signs() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM trackstar.gradient_signs s
        WHERE s.encoding_id = OLD.encoding_id AND s.document_id = OLD.document_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO trackstar.gradient_signs (encoding_id, document_id, signs)
        VALUES (NEW.encoding_id, NEW.document_id,
                trackstar.signs(NEW.gradient, trackstar.signs_threshold((
                    SELECT e.dimension FROM trackstar.encoding e WHERE e.encoding_id = NEW.encoding_id))));
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION trackstar.keep_signs() IS 'Trigger: the signs of a gradient that was written or deleted.';
