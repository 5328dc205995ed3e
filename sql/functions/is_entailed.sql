-- Whether an entailment (AIS) score counts as entailed, by a threshold of one's own.
CREATE OR REPLACE FUNCTION tda.is_entailed(ais_score double precision, threshold double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ais_score > threshold;

COMMENT ON FUNCTION tda.is_entailed(double precision, double precision) IS
    'Whether an entailment (AIS) score counts as entailed: above the threshold.';

-- The same by the usual threshold. The only place where it stands for scores that no run asks about.
CREATE OR REPLACE FUNCTION tda.is_entailed(ais_score double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN tda.is_entailed(ais_score, 0.5);

COMMENT ON FUNCTION tda.is_entailed(double precision) IS
    'Whether an entailment (AIS) score counts as entailed: above 0.5.';
