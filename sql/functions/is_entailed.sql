-- Whether an entailment (AIS) score counts as entailed. The only place where the threshold stands.
CREATE OR REPLACE FUNCTION tda.is_entailed(ais_score double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ais_score > 0.5;

COMMENT ON FUNCTION tda.is_entailed(double precision) IS
    'Whether an entailment (AIS) score counts as entailed: above 0.5.';
