-- The facts of one part, in the source's order.
COPY pg_temp.load_fact (place, fact_id, subject_uri, relation_uri, object_uri, is_repetition, prompts,
                        metadata, frequency, content_digest) FROM STDIN;
