-- What an imported record says of its query. The only place where the older names of its fields stand in SQL.
CREATE OR REPLACE FUNCTION tda.imported_record(metadata jsonb)
RETURNS TABLE (
    relation text, fact_frequency bigint, frequency_bucket integer, has_annotated_document boolean,
    confidence double precision, is_correct boolean, first_correct_rank bigint, correct_in_ten bigint
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT nullif(metadata ->> 'relation', ''),
           CASE WHEN said.frequency IS NOT NULL THEN least(greatest(round(said.frequency), 0), 9e18)::bigint END,
           CASE WHEN said.bucket IS NOT NULL THEN least(greatest(round(said.bucket), 0), 5)::integer END,
           (metadata ->> 'has_trex_sentence')::boolean,
           CASE WHEN said.confidence IS NOT NULL THEN least(greatest(said.confidence, 0), 1)::double precision END,
           (metadata ->> 'is_8b_correct')::boolean,
           correct.first_rank,
           CASE WHEN said.correct IS NOT NULL THEN correct.in_ten END
    FROM (SELECT coalesce(metadata ->> 'c4_frequency', metadata ->> 'fact_frequency')::numeric AS frequency,
                 coalesce(metadata ->> 'c4_frequency_bucket', metadata ->> 'frequency_bucket')::numeric AS bucket,
                 coalesce(metadata ->> '8b_confidence', metadata ->> 'model_confidence')::numeric AS confidence,
                 CASE WHEN jsonb_typeof(metadata -> 'proponent_correct') = 'array'
                      THEN metadata -> 'proponent_correct' END AS correct) said
    CROSS JOIN LATERAL (
        SELECT min(verdict.rank) AS first_rank, count(*) FILTER (WHERE verdict.rank <= 10) AS in_ten
        FROM jsonb_array_elements(said.correct) WITH ORDINALITY verdict (is_correct, rank)
        WHERE verdict.is_correct = 'true'
    ) correct;
END;

COMMENT ON FUNCTION tda.imported_record(jsonb) IS
    'What an imported record says of its query, by the present names of fields and the older ones: one row, empty where '
    'it says nothing. Give it tda.run_query.metadata. Of proponent_correct it takes the rank of the first correct one, and '
    'how many of the first ten are correct. Figures beyond their range are brought into it.';
