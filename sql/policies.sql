-- Row-level security: which rows readers see. Applied again after every upgrade. The owner of the tables, who loads and
-- searches, sees all: the library's own statements are planned as if none of this were there. Why policies are as they
-- are, and how another is written: sql/roles.sql.

-- Questions, recipes and methods are everybody's ---------------------------------------------------

GRANT SELECT ON trackstar.relation, trackstar.entity, trackstar.fact, trackstar.query_set, trackstar.query,
    trackstar.model, trackstar.encoding, trackstar.method, trackstar.task, trackstar.query_gradient,
    trackstar.task_query, trackstar.prediction, trackstar.tail_patch_step, trackstar.refresh TO tda_reader;

-- A recipe names a corpus, which tda.encoding shows only where it may. With row-level security pg_stats is silent too.
ALTER TABLE trackstar.encoding ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS everybody ON trackstar.encoding;
CREATE POLICY everybody ON trackstar.encoding FOR SELECT USING (true);

-- What belongs to a corpus is seen by those to whom it is granted ----------------------------------

ALTER TABLE trackstar.corpus ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.corpus;
CREATE POLICY granted ON trackstar.corpus FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR NOT trackstar.is_outside(corpus_id, (SELECT trackstar.number_ranges(trackstar.granted_corpora()))));

ALTER TABLE trackstar.corpus_grant ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.corpus_grant;
CREATE POLICY granted ON trackstar.corpus_grant FOR SELECT
    USING (corpus_id IS NULL OR (SELECT trackstar.granted_corpora()) IS NULL
           OR NOT trackstar.is_outside(corpus_id, (SELECT trackstar.number_ranges(trackstar.granted_corpora()))));

ALTER TABLE trackstar.document ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.document;
-- The second condition, which the first implies, is for the indexes that begin with the corpus.
CREATE POLICY granted ON trackstar.document FOR SELECT
    USING (((SELECT trackstar.granted_corpora()) IS NULL
            OR NOT trackstar.is_outside(corpus_id, (SELECT trackstar.number_ranges(trackstar.granted_corpora()))))
           AND corpus_id = ANY ((SELECT trackstar.readable_corpora())::bigint[]));

ALTER TABLE trackstar.frequency_count ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.frequency_count;
CREATE POLICY granted ON trackstar.frequency_count FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR NOT trackstar.is_outside(corpus_id, (SELECT trackstar.number_ranges(trackstar.granted_corpora()))));

-- Frequencies in corpora that are not in this database come with facts, and are everybody's as they are.
ALTER TABLE trackstar.fact_frequency ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.fact_frequency;
CREATE POLICY granted ON trackstar.fact_frequency FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR corpus_name <> ALL ((SELECT trackstar.closed_corpus_names())::text[]));

ALTER TABLE trackstar.annotation ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.annotation;
CREATE POLICY granted ON trackstar.annotation FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.external_id = document_external_id));

ALTER TABLE trackstar.entailment_label ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.entailment_label;
CREATE POLICY granted ON trackstar.entailment_label FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = entailment_label.document_id));

ALTER TABLE trackstar.tail_patch ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.tail_patch;
CREATE POLICY granted ON trackstar.tail_patch FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = tail_patch.document_id));

ALTER TABLE trackstar.encoded_document ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.encoded_document;
CREATE POLICY granted ON trackstar.encoded_document FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = encoded_document.document_id));

ALTER TABLE trackstar.gradient ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.gradient;
CREATE POLICY granted ON trackstar.gradient FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = gradient.document_id));

ALTER TABLE trackstar.gradient_block ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.gradient_block;
CREATE POLICY granted ON trackstar.gradient_block FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = gradient_block.document_id));

ALTER TABLE trackstar.gradient_code ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.gradient_code;
CREATE POLICY granted ON trackstar.gradient_code FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = gradient_code.document_id));

ALTER TABLE trackstar.task_document ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.task_document;
CREATE POLICY granted ON trackstar.task_document FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR EXISTS (SELECT FROM trackstar.document d WHERE d.document_id = task_document.document_id));

ALTER TABLE trackstar.retraining ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.retraining;
CREATE POLICY granted ON trackstar.retraining FOR SELECT
    USING ((SELECT trackstar.granted_corpora()) IS NULL
           OR NOT trackstar.is_outside(corpus_id, (SELECT trackstar.number_ranges(trackstar.granted_corpora()))));

GRANT SELECT ON trackstar.corpus, trackstar.corpus_grant, trackstar.document, trackstar.frequency_count,
    trackstar.fact_frequency, trackstar.annotation, trackstar.entailment_label, trackstar.tail_patch,
    trackstar.encoded_document, trackstar.gradient, trackstar.gradient_block, trackstar.gradient_code,
    trackstar.task_document, trackstar.retraining TO tda_reader;

-- A run is seen by those to whom every corpus that it searched is granted, with all that was computed from it: a list of
-- proponents with gaps, or a mean over the rest, would be another run's.

ALTER TABLE trackstar.run ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.run;
CREATE POLICY granted ON trackstar.run FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.run_encoding ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.run_encoding;
CREATE POLICY granted ON trackstar.run_encoding FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.run_query ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.run_query;
CREATE POLICY granted ON trackstar.run_query FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.proponent ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.proponent;
CREATE POLICY granted ON trackstar.proponent FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.metric_interval ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.metric_interval;
CREATE POLICY granted ON trackstar.metric_interval FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.lds ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.lds;
CREATE POLICY granted ON trackstar.lds FOR SELECT
    USING (((SELECT trackstar.visible_runs()) IS NULL
            OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))))
           AND ((SELECT trackstar.visible_retrainings()) IS NULL
                OR NOT trackstar.is_outside(
                    retraining_id, (SELECT trackstar.number_ranges(trackstar.visible_retrainings())))));

ALTER TABLE trackstar.query_overview ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.query_overview;
-- The second condition, which the first implies, is for the indexes that begin with the run.
CREATE POLICY granted ON trackstar.query_overview FOR SELECT
    USING (((SELECT trackstar.visible_runs()) IS NULL
            OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))))
           AND run_id = ANY ((SELECT trackstar.readable_runs())::bigint[]));

ALTER TABLE trackstar.metric_heat_map ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.metric_heat_map;
CREATE POLICY granted ON trackstar.metric_heat_map FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.document_reach ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.document_reach;
CREATE POLICY granted ON trackstar.document_reach FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs()))));

ALTER TABLE trackstar.method_agreement ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS granted ON trackstar.method_agreement;
CREATE POLICY granted ON trackstar.method_agreement FOR SELECT
    USING ((SELECT trackstar.visible_runs()) IS NULL
           OR (NOT trackstar.is_outside(run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs())))
               AND NOT trackstar.is_outside(other_run_id, (SELECT trackstar.number_ranges(trackstar.visible_runs())))));

GRANT SELECT ON trackstar.query_overview, trackstar.metric_heat_map, trackstar.document_reach,
    trackstar.method_agreement TO tda_reader;

GRANT SELECT ON trackstar.run, trackstar.run_encoding, trackstar.run_query, trackstar.proponent,
    trackstar.metric_interval, trackstar.lds TO tda_reader;

-- Views read with the rights of who asks, and so must the views that they stand on.
DO $$
DECLARE
    view regclass;
BEGIN
    FOR view IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace IN ('tda'::regnamespace, 'trackstar'::regnamespace) AND c.relkind = 'v'
    LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', view);
        EXECUTE format('GRANT SELECT ON %s TO tda_reader', view);
    END LOOP;
END $$;
