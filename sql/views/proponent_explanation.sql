-- Why might this document be here? What each proponent and opponent shares with its query.
-- OFFSET 0 keeps a text or prompt from being taken apart again for every column that looks at it; what is asked depends
-- on the query's number alone, so that the planner can remember it from row to row.
CREATE OR REPLACE VIEW tda.proponent_explanation AS
SELECT run.name AS run, run.method, p.query_id, asked.fact_id, asked.relation, p.direction, p.rank, p.document_id,
       evidence.holds_subject, evidence.holds_object, evidence.states_fact, evidence.has_same_relation,
       evidence.shares_template, evidence.word_overlap,
       CASE
           WHEN evidence.states_fact THEN 'states_fact'
           WHEN evidence.holds_subject AND evidence.holds_object THEN 'both_entities'
           WHEN evidence.holds_subject THEN 'subject'
           WHEN evidence.holds_object THEN 'object'
           WHEN evidence.has_same_relation OR evidence.shares_template THEN 'same_relation'
           ELSE 'other'
       END AS kind
FROM trackstar.proponent p
JOIN trackstar.run run ON run.run_id = p.run_id
JOIN trackstar.document d ON d.document_id = p.document_id
CROSS JOIN LATERAL (
    SELECT q.fact_id, f.relation_id, r.label AS relation, q.prompt || ' ' || q.target AS words,
           CASE WHEN q.fact_id IS NOT NULL THEN names.subject END AS subject_names,
           trackstar.folded_names(q.target || (object.label || object.aliases)) AS object_names,
           trackstar.template_words(q.prompt, names.subject) AS template_words
    FROM trackstar.query q
    LEFT JOIN trackstar.fact f ON f.fact_id = q.fact_id
    LEFT JOIN trackstar.relation r ON r.relation_id = f.relation_id
    LEFT JOIN trackstar.entity subject ON subject.entity_id = f.subject_entity_id
    LEFT JOIN trackstar.entity object ON object.entity_id = f.object_entity_id
    CROSS JOIN LATERAL (
        SELECT trackstar.folded_names(subject.label || subject.aliases) AS subject OFFSET 0) names
    WHERE q.query_id = p.query_id
    OFFSET 0) asked
CROSS JOIN LATERAL (SELECT trackstar.folded(d.text) AS folded OFFSET 0) t
CROSS JOIN LATERAL (SELECT trackstar.spaced_words(t.folded) AS spaced OFFSET 0) w
CROSS JOIN LATERAL (
    SELECT trackstar.holds_name(t.folded, asked.subject_names) AS holds_subject,
           trackstar.holds_name(t.folded, asked.object_names) AS holds_object,
           CASE WHEN asked.fact_id IS NOT NULL THEN EXISTS (
               SELECT FROM trackstar.annotation a
               WHERE a.fact_id = asked.fact_id AND a.document_external_id = d.external_id) END AS states_fact,
           CASE WHEN asked.fact_id IS NOT NULL THEN EXISTS (
               SELECT FROM trackstar.annotation a
               JOIN trackstar.fact other ON other.fact_id = a.fact_id
               WHERE a.document_external_id = d.external_id AND a.fact_id <> asked.fact_id
                 AND other.relation_id = asked.relation_id) END AS has_same_relation,
           trackstar.shares_template(w.spaced, asked.template_words) AS shares_template,
           trackstar.word_overlap(w.spaced, asked.words) AS word_overlap
    OFFSET 0) evidence;

COMMENT ON VIEW tda.proponent_explanation IS
    'What every proponent and opponent shares with its query, one row each. Names and words count as whole words, '
    'whatever their case.';
COMMENT ON COLUMN tda.proponent_explanation.run IS 'Name of the run.';
COMMENT ON COLUMN tda.proponent_explanation.method IS 'The run''s method.';
COMMENT ON COLUMN tda.proponent_explanation.query_id IS 'The query, as in tda.query.';
COMMENT ON COLUMN tda.proponent_explanation.fact_id IS
    'The fact asked for, as in tda.fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.proponent_explanation.relation IS 'Label of the fact''s relation.';
COMMENT ON COLUMN tda.proponent_explanation.direction IS 'proponent or opponent.';
COMMENT ON COLUMN tda.proponent_explanation.rank IS '1 is the strongest in its direction.';
COMMENT ON COLUMN tda.proponent_explanation.document_id IS 'The document, as in tda.document.';
COMMENT ON COLUMN tda.proponent_explanation.holds_subject IS
    'Whether the text holds a name or alias of the fact''s subject; empty for queries that are no facts.';
COMMENT ON COLUMN tda.proponent_explanation.holds_object IS
    'Whether the text holds the target, or a name or alias of the fact''s object.';
COMMENT ON COLUMN tda.proponent_explanation.states_fact IS
    'Whether the source says that the document states the fact; empty for queries that are no facts.';
COMMENT ON COLUMN tda.proponent_explanation.has_same_relation IS
    'Whether the source says that the document states another fact of the same relation; empty for queries that are '
    'no facts.';
COMMENT ON COLUMN tda.proponent_explanation.shares_template IS
    'Whether the text holds the prompt''s wording: the prompt''s words without the subject''s name or alias and without '
    'function words (articles, pronouns, auxiliaries, prepositions, conjunctions; English), in the same order, with at '
    'most ten other words between one and the next. False for a prompt of function words alone.';
COMMENT ON COLUMN tda.proponent_explanation.word_overlap IS
    'Share, from 0 to 1, of the distinct words of prompt and target that the text has; function words count.';
COMMENT ON COLUMN tda.proponent_explanation.kind IS
    'The strongest of these that holds: states_fact (annotated), both_entities (subject and object), subject (entity '
    'prior), object (common answer), same_relation (relational template: annotated with the same relation, or shares '
    'the template), other.';
