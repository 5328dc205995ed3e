-- PostgreSQL reads an index by what a reader compares before it asks the policy, and EXPLAIN ANALYZE tells whether there
-- was a row that is equal to the reader's guess. So what belongs to a corpus or a run stands in no index that can be read
-- so, unless the index begins with the corpus or the run, and the policy asks for that.

-- By (corpus_id, external_id) a document is found too.
DROP INDEX trackstar.document_external_id;

-- Names are unique still. PostgreSQL may not compare a reader's guess with an expression before the policy is asked.
ALTER TABLE trackstar.corpus DROP CONSTRAINT corpus_name_key;
CREATE UNIQUE INDEX corpus_name ON trackstar.corpus ((name || ''));
ALTER TABLE trackstar.run DROP CONSTRAINT run_name_key;
CREATE UNIQUE INDEX run_name ON trackstar.run ((name || ''));
ALTER TABLE trackstar.retraining DROP CONSTRAINT retraining_name_key;
CREATE UNIQUE INDEX retraining_name ON trackstar.retraining ((name || ''));

-- What documents are sorted by: the view has the same expressions, which an index sorts and does not compare.
DROP INDEX trackstar.document_reach_facts;
CREATE INDEX document_reach_facts ON trackstar.document_reach (run_id, direction, (facts + 0), (mean_score + 0));

-- EXPLAIN shows what the planner estimates: it is to know nothing of these expressions, and of values no more than of
-- texts and names. What is grouped by, and numbers of rows of other tables, it knows still.
ALTER INDEX trackstar.corpus_name ALTER COLUMN 1 SET STATISTICS 0;
ALTER INDEX trackstar.run_name ALTER COLUMN 1 SET STATISTICS 0;
ALTER INDEX trackstar.retraining_name ALTER COLUMN 1 SET STATISTICS 0;
ALTER INDEX trackstar.document_reach_facts ALTER COLUMN 3 SET STATISTICS 0, ALTER COLUMN 4 SET STATISTICS 0;
ALTER TABLE trackstar.document ALTER COLUMN token_count SET STATISTICS 0;
ALTER TABLE trackstar.proponent ALTER COLUMN influence SET STATISTICS 0;
ALTER TABLE trackstar.query_overview
    ALTER COLUMN fact_frequency SET STATISTICS 0, ALTER COLUMN proponents SET STATISTICS 0,
    ALTER COLUMN confidence SET STATISTICS 0, ALTER COLUMN reciprocal_rank SET STATISTICS 0,
    ALTER COLUMN recall_at_10 SET STATISTICS 0, ALTER COLUMN precision_at_10 SET STATISTICS 0,
    ALTER COLUMN best_ais_score SET STATISTICS 0, ALTER COLUMN ais_reciprocal_rank SET STATISTICS 0,
    ALTER COLUMN ais_recall_at_10 SET STATISTICS 0, ALTER COLUMN ais_precision_at_10 SET STATISTICS 0,
    ALTER COLUMN tail_patch_delta SET STATISTICS 0;
ALTER TABLE trackstar.metric_heat_map
    ALTER COLUMN queries SET STATISTICS 0, ALTER COLUMN mrr SET STATISTICS 0,
    ALTER COLUMN recall_at_10 SET STATISTICS 0, ALTER COLUMN precision_at_10 SET STATISTICS 0,
    ALTER COLUMN tail_patch_queries SET STATISTICS 0, ALTER COLUMN tail_patch_delta SET STATISTICS 0;
ALTER TABLE trackstar.document_reach
    ALTER COLUMN facts SET STATISTICS 0, ALTER COLUMN stated_facts SET STATISTICS 0,
    ALTER COLUMN queries SET STATISTICS 0, ALTER COLUMN best_rank SET STATISTICS 0,
    ALTER COLUMN mean_score SET STATISTICS 0;
ALTER TABLE trackstar.method_agreement
    ALTER COLUMN queries SET STATISTICS 0, ALTER COLUMN overlap SET STATISTICS 0,
    ALTER COLUMN same_first SET STATISTICS 0;
ALTER TABLE trackstar.lds
    ALTER COLUMN subsets SET STATISTICS 0, ALTER COLUMN queries SET STATISTICS 0, ALTER COLUMN value SET STATISTICS 0,
    ALTER COLUMN low SET STATISTICS 0, ALTER COLUMN high SET STATISTICS 0;
ALTER TABLE trackstar.metric_interval
    ALTER COLUMN queries SET STATISTICS 0, ALTER COLUMN value SET STATISTICS 0, ALTER COLUMN low SET STATISTICS 0,
    ALTER COLUMN high SET STATISTICS 0;
ALTER TABLE trackstar.frequency_count ALTER COLUMN documents SET STATISTICS 0;
ALTER TABLE trackstar.run
    ALTER COLUMN top_k SET STATISTICS 0, ALTER COLUMN query_count SET STATISTICS 0,
    ALTER COLUMN document_count SET STATISTICS 0, ALTER COLUMN ais_threshold SET STATISTICS 0;
DO $$
BEGIN
    DELETE FROM pg_catalog.pg_statistic s
    USING pg_catalog.pg_attribute a
    WHERE a.attrelid = s.starelid AND a.attnum = s.staattnum AND a.attstattarget = 0
      AND a.attrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = 'trackstar'::regnamespace);
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'statistics of values that were made before this revision stay, and readers could guess at corpora '
            'that are not granted to them by what EXPLAIN estimates. A superuser ends it in this database: '
            'DELETE FROM pg_statistic s USING pg_attribute a WHERE a.attrelid = s.starelid AND a.attnum = s.staattnum '
            'AND a.attstattarget = 0;';
END $$;
