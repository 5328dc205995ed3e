-- Documents by their words. With the owner's rights: a reader's own statement may not look into an index of words before
-- it has looked at each row's corpus. What comes back are documents of the corpora that who asks was granted.
CREATE OR REPLACE FUNCTION tda.search_documents(words text, k integer DEFAULT 10, corpus text DEFAULT NULL)
RETURNS TABLE (rank integer, relevance real, document_id bigint, corpus text, external_id text, text text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT row_number() OVER (ORDER BY f.relevance DESC, f.document_id)::integer,
           f.relevance, f.document_id, c.name, d.external_id, d.text
    FROM trackstar.find_words($1, $2, $3) f
    JOIN trackstar.document d ON d.document_id = f.document_id
    JOIN trackstar.corpus c ON c.corpus_id = d.corpus_id
    ORDER BY 1;
END;

COMMENT ON FUNCTION tda.search_documents(text, integer, text) IS
    'k documents that have these words, as search engines read them: all words, "a phrase", or, -without; whatever their '
    'case, as they stand (no stemming), in the first 100,000 characters of the text. Best first of the first 4 k that are '
    'found. Quick among many once trackstar refresh --words has run.';
