-- Two runs by their names, and what is wrong with them, for tda.compare_runs.
CREATE OR REPLACE FUNCTION trackstar.comparable_runs(in_run text, in_other_run text, in_k integer)
RETURNS TABLE (run_id bigint, other_run_id bigint)
LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    named text;
    query_set text;
    other_query_set text;
BEGIN
    IF in_k IS NULL OR in_k < 1 THEN
        RAISE EXCEPTION 'k is %, expected a whole number from 1', coalesce(in_k::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH named IN ARRAY ARRAY[in_run, in_other_run] LOOP
        IF named IS NULL OR NOT EXISTS (SELECT FROM tda.run r WHERE r.run = named) THEN
            RAISE EXCEPTION 'no run named %', coalesce(quote_literal(named), 'NULL')
                USING ERRCODE = 'invalid_parameter_value', HINT = 'SELECT run, query_set FROM tda.run lists them.';
        END IF;
    END LOOP;
    SELECT r.run_id, o.run_id, r.query_set, o.query_set INTO run_id, other_run_id, query_set, other_query_set
    FROM tda.run r, tda.run o
    WHERE r.run = in_run AND o.run = in_other_run;
    IF query_set <> other_query_set THEN
        RAISE EXCEPTION 'run % asked query set %, run % asked %: they have no query in common',
            quote_literal(in_run), quote_literal(query_set), quote_literal(in_other_run), quote_literal(other_query_set)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Runs are compared query by query: name two over the same query set, as tda.run has them.';
    END IF;
    RETURN NEXT;
END $$;

COMMENT ON FUNCTION trackstar.comparable_runs(text, text, integer) IS
    'The numbers of two runs over the same query set; raises what is wrong with their names or with k.';
