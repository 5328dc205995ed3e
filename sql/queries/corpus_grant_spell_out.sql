-- Where a role is granted every corpus: the other corpora one by one instead.
WITH every AS (
    DELETE FROM trackstar.corpus_grant WHERE role_name = %(role)s AND corpus_id IS NULL RETURNING role_name
), others AS (
    INSERT INTO trackstar.corpus_grant (role_name, corpus_id)
    SELECT e.role_name, c.corpus_id
    FROM every e, trackstar.corpus c
    WHERE c.corpus_id <> %(corpus_id)s
    ON CONFLICT DO NOTHING
), itself AS (
    DELETE FROM trackstar.corpus_grant g USING every e
    WHERE g.role_name = e.role_name AND g.corpus_id = %(corpus_id)s
)
SELECT role_name FROM every;
