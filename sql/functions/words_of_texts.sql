-- What a text holds: names as whole words, words, a prompt's wording. For tda.proponent_explanation.
-- Each is parsed when it is made, so no search_path can change its meaning. A word is a run of letters and digits.

CREATE OR REPLACE FUNCTION trackstar.folded(in_text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(lower(normalize(in_text, NFKC)), '\s+', ' ', 'g');

COMMENT ON FUNCTION trackstar.folded(text) IS
    'The text in lower case, its characters composed (NFKC), white space as one space.';

CREATE OR REPLACE FUNCTION trackstar.spaced_words(in_folded text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN '  ' || regexp_replace(in_folded, '[^[:alnum:]]+', '  ', 'g') || '  ';

COMMENT ON FUNCTION trackstar.spaced_words(text) IS
    'The words of a folded text, two spaces before and after each: one word is found as '' word '' and two in order '
    'as ''% one % two %''.';

CREATE OR REPLACE FUNCTION trackstar.literal_pattern(in_folded text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(in_folded, '([^[:alnum:][:space:]])', '\\\1', 'g');

COMMENT ON FUNCTION trackstar.literal_pattern(text) IS
    'A regular expression that matches exactly the text: whatever is no letter, digit or space stands for itself.';

CREATE OR REPLACE FUNCTION trackstar.folded_names(in_names text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT name), '{}')
    FROM (SELECT btrim(trackstar.folded(given)) AS name FROM unnest(in_names) given) names
    WHERE name <> '';
END;

COMMENT ON FUNCTION trackstar.folded_names(text[]) IS
    'The names folded, without white space around them, each once; blank ones and NULL are left out.';

-- position() comes first: it is some fifty times quicker than to make a regular expression, and says no mostly.
CREATE OR REPLACE FUNCTION trackstar.holds_name(in_folded text, in_folded_names text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN in_folded IS NOT NULL AND in_folded_names IS NOT NULL THEN EXISTS (
        SELECT
        FROM unnest(in_folded_names) name
        WHERE CASE WHEN position(name IN in_folded) > 0
              THEN in_folded ~ ('(?:^|[^[:alnum:]])' || trackstar.literal_pattern(name) || '(?:[^[:alnum:]]|$)')
              END) END;
END;

COMMENT ON FUNCTION trackstar.holds_name(text, text[]) IS
    'Whether one of the folded names stands in a folded text as whole words: no letter or digit touches '
    'it. Punctuation counts: "U.S." is not in "U.S.A.", and "C" is in "C++". Empty without a text or names.';

CREATE OR REPLACE FUNCTION trackstar.word_overlap(in_spaced text, in_words_of text) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT count(*) FILTER (WHERE position(' ' || word || ' ' IN in_spaced) > 0)::double precision
           / nullif(count(*), 0)
    FROM (SELECT DISTINCT word
          FROM string_to_table(trackstar.spaced_words(trackstar.folded(in_words_of)), ' ') word
          WHERE word <> '') words;
END;

COMMENT ON FUNCTION trackstar.word_overlap(text, text) IS
    'Share, from 0 to 1, of the distinct words of the second text that are among the spaced words of the first.';

-- Function words carry no template: without them "The capital of X is" leaves "capital".
CREATE OR REPLACE FUNCTION trackstar.template_words(in_prompt text, in_folded_names text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_agg(word ORDER BY place)
    FROM (SELECT trackstar.folded(in_prompt) AS prompt) asked
    CROSS JOIN LATERAL (
        SELECT string_agg(trackstar.literal_pattern(name), '|') AS pattern
        FROM unnest(in_folded_names) name
        WHERE position(name IN prompt) > 0) subject
    CROSS JOIN LATERAL string_to_table(
        trackstar.spaced_words(
            CASE WHEN pattern IS NULL THEN prompt
            ELSE regexp_replace(prompt, '(?<![[:alnum:]])(?:' || pattern || ')(?![[:alnum:]])', ' ', 'g') END),
        ' ') WITH ORDINALITY words (word, place)
    WHERE word <> '' AND word <> ALL (string_to_array(
        'a an the this that these those it its itself he him his she her hers they them their theirs we us our you '
        'your i me my who whom whose which what where when how why there here s t '
        'am is are was were be been being do does did done have has had having can could will would shall should may '
        'might must of in on at by to from for with as into onto over under up out off about and or but nor if than '
        'so not no', ' '));
END;

COMMENT ON FUNCTION trackstar.template_words(text, text[]) IS
    'A prompt''s wording: its words in order without the folded names of its subject and without function words '
    '(articles, pronouns, auxiliaries, prepositions, conjunctions). Empty where nothing is left.';

CREATE OR REPLACE FUNCTION trackstar.shares_template(in_spaced text, in_template_words text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN in_template_words IS NULL OR in_spaced IS NULL THEN false
    WHEN in_spaced LIKE '% ' || array_to_string(in_template_words, ' % ') || ' %'
    THEN in_spaced ~ (' ' || array_to_string(in_template_words, '  (?:[^ ]+  ){0,10}') || ' ')
    ELSE false END;

COMMENT ON FUNCTION trackstar.shares_template(text, text[]) IS
    'Whether all the words stand among the spaced words of a text, in their order, with at most ten other words '
    'between one and the next. False without words.';
