-- The version of schema tda. The only place where it stands.
CREATE OR REPLACE VIEW tda.surface AS
SELECT major || '.' || minor AS version, major, minor
FROM (VALUES (1, 0)) number (major, minor);

COMMENT ON VIEW tda.surface IS
    'The version of this schema: one row. A new view, a new column at a view''s end, a new function or a new optional '
    'argument raises minor. Nothing else changes within a major version: no view, column or function goes, changes its '
    'type or meaning, or moves. What is to go is called deprecated in its comment, from "Deprecated since" on, with what '
    'takes its place; it stays for the rest of the major version and for six months at least, and goes with a new '
    'major one.';
COMMENT ON COLUMN tda.surface.version IS 'major and minor, such as 1.0.';
COMMENT ON COLUMN tda.surface.major IS 'Rises when something is taken away or changes: read the changelog.';
COMMENT ON COLUMN tda.surface.minor IS 'Rises when something is added; what was there stays as it is.';
