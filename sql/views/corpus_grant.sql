-- Who may read which corpus.
CREATE OR REPLACE VIEW tda.corpus_grant AS
SELECT g.role_name || '' AS role, c.name AS corpus, g.granted_at
FROM trackstar.corpus_grant g
LEFT JOIN trackstar.corpus c ON c.corpus_id = g.corpus_id;

COMMENT ON VIEW tda.corpus_grant IS
    'Who may read which corpus, by trackstar grant and trackstar revoke: one row each. Whoever is a member of a role has '
    'what that role has. Shown for the corpora that one may read oneself.';
COMMENT ON COLUMN tda.corpus_grant.role IS 'Name of the role.';
COMMENT ON COLUMN tda.corpus_grant.corpus IS 'Name of the corpus; empty: every corpus, those to come too.';
COMMENT ON COLUMN tda.corpus_grant.granted_at IS 'When it was granted.';
