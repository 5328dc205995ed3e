-- When each precomputed answer was computed. A run says when it was finished before its rows are all written: the time
-- alone would miss one that was being written during a refresh.
CREATE OR REPLACE VIEW tda.refresh AS
SELECT done.name, done.refreshed_at, done.duration_seconds, done.rows,
       (SELECT count(*) FROM trackstar.run r
        WHERE r.finished_at > done.refreshed_at OR done.refreshed_at IS NULL
           OR (r.query_count > 0
               AND NOT EXISTS (SELECT FROM trackstar.query_overview o WHERE o.run_id = r.run_id))) AS newer_runs
FROM trackstar.refresh done;

COMMENT ON VIEW tda.refresh IS
    'What is computed beforehand, one row each, and when: by trackstar refresh, for dashboards. Views that stand on it '
    'have the column refreshed_at; before the first refresh they are empty. All other views are live.';
COMMENT ON COLUMN tda.refresh.name IS
    'query_overview, metric_heat_map (behind tda.run_overview too), document_reach or method_agreement (behind '
    'tda.agreement_heat_map too).';
COMMENT ON COLUMN tda.refresh.refreshed_at IS 'When it was computed last; empty before the first time.';
COMMENT ON COLUMN tda.refresh.duration_seconds IS 'How long that took, in seconds.';
COMMENT ON COLUMN tda.refresh.rows IS 'Rows that it has.';
COMMENT ON COLUMN tda.refresh.newer_runs IS 'Runs that were finished since, and are not in it yet.';
