"""A row in every table for each of two corpora, `open` and `zebra`, in plain SQL, and logins that may read one or both.

Whatever belongs to zebra alone says so: its names and texts hold the word, its numbers are 987654 or end in 987654.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import TEMPLATE
from tests.copies import copy_database
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.store import Store

Connection = psycopg.Connection[tuple[object, ...]]

SECRETS = ("zebra", "987654")

# What everybody may read: facts, queries, models, recipes, tasks and what models say.
QUESTIONS = """
    INSERT INTO trackstar.relation (uri, label) VALUES ('P36', 'capital'), ('P47', 'river');
    INSERT INTO trackstar.entity (uri, label, aliases)
    SELECT 'Q' || n, 'entity ' || n, ARRAY['alias ' || n] FROM generate_series(1, 8) n;
    INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, prompts, content_digest)
    SELECT 'f' || n, n, 1 + n % 2, 4 + n, ARRAY['prompt of entity ' || n], sha256('f') FROM generate_series(1, 4) n;
    INSERT INTO trackstar.query_set (name, created_at) VALUES ('asked', '2026-01-01');
    INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, content_digest)
    SELECT 1, 'q' || n, 'entity ' || n || ' is', 'entity ' || 4 + n, 'f' || n, sha256('q') FROM generate_series(1, 4) n;
    INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
    VALUES ('model', 'Llama', 1, '{}', sha256('model'));
    INSERT INTO trackstar.encoding
        (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest, created_at)
    VALUES ('whole', 1, 1, 2, 4, 'none',
            '{"corpus": "open", "blocks": ["all"], "settings": {"blocks": 1, "block_rank": 2}}', sha256('e'),
            '2026-01-01'),
           ('by_block', 1, 2, 46, 4232, 'none', '{"corpus": "open", "blocks": ["a", "b"]}', sha256('e'),
            '2026-01-01'),
           ('codes', 1, 1, 2, 4, 'none', '{"corpus": "zebra", "blocks": ["all"], "settings": {"bits": 1}}',
            sha256('e'), '2026-01-01');
    CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient FOR VALUES IN (1);
    CREATE TABLE trackstar.gradient_block_2 PARTITION OF trackstar.gradient_block FOR VALUES IN (2);
    CREATE TABLE trackstar.gradient_code_3 PARTITION OF trackstar.gradient_code FOR VALUES IN (3);
    INSERT INTO trackstar.query_gradient (encoding_id, query_id, block, gradient)
    SELECT 1, n, 0, '[1, 0.5, 0, 0]'::vector FROM generate_series(1, 4) n
    UNION ALL
    SELECT 2, n, b, array_fill(0.1::real, ARRAY[2116])::vector FROM generate_series(1, 4) n, generate_series(0, 1) b
    UNION ALL
    SELECT 3, n, 0, '[1, 0.5, 0, 0]'::vector FROM generate_series(1, 4) n;
    INSERT INTO trackstar.task (name, encoding_id, query_set_id, mixing_lambda, recipe, created_at)
    VALUES ('own', 1, 1, 0.5, '{"lambda_from": "given", "ranks": [4], "queries": 4, "block_width": 4}', '2026-01-01');
    INSERT INTO trackstar.task_query (task_id, query_id, block, gradient)
    SELECT 1, n, 0, '[1, 0.5, 0, 0]' FROM generate_series(1, 4) n;
    INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence, target_probability,
                                      is_correct, seed, predicted_at)
    SELECT 1, n, 'entity 5', ARRAY['entity 5'], 0.5, 0.25, n = 1, 0, '2026-01-01' FROM generate_series(1, 4) n;
    INSERT INTO trackstar.tail_patch_step (model_id, optimizer, learning_rate, settings, digest)
    VALUES (1, 'adam', 0.001, '{}', sha256('step'));
    INSERT INTO trackstar.fact_frequency VALUES ('f1', 'elsewhere', 40);
"""

# Parameters: the corpus, the first number of its six documents, a number that only it has.
CORPUS = """
    INSERT INTO trackstar.corpus (name, created_at) VALUES (%(corpus)s, '2026-01-01');
    INSERT INTO trackstar.document (corpus_id, external_id, text, token_count, metadata, content_digest, loaded_at)
    SELECT c.corpus_id, %(corpus)s || n, %(corpus)s || ' says that entity ' || n || ' has entity ' || 4 + n,
           %(number)s::integer, jsonb_build_object('kind', %(corpus)s::text), sha256('d'), '2026-01-01'
    FROM trackstar.corpus c, generate_series(1, 6) n WHERE c.name = %(corpus)s;
    INSERT INTO trackstar.annotation SELECT 'f' || n, %(corpus)s || n FROM generate_series(1, 2) n;
    INSERT INTO trackstar.fact_frequency SELECT 'f' || n, %(corpus)s, %(number)s::bigint FROM generate_series(1, 2) n;
    INSERT INTO trackstar.frequency_count (corpus_id, facts_digest, counted_through, documents)
    SELECT c.corpus_id, sha256('f'), 0, %(number)s FROM trackstar.corpus c WHERE c.name = %(corpus)s;
    INSERT INTO trackstar.encoded_document (encoding_id, document_id, outcome, token_count, is_truncated, norm)
    SELECT e, %(first)s + n, 'stored', 2, false, 1 FROM generate_series(1, 3) e, generate_series(0, 5) n;
    INSERT INTO trackstar.gradient
    SELECT 1, %(first)s + n, ('[1, ' || n / 10.0 || ', 0, 0]')::vector::halfvec FROM generate_series(0, 5) n;
    INSERT INTO trackstar.gradient_block
    SELECT 2, %(first)s + n, b, array_fill(0.01 + n / 1000.0, ARRAY[2116])::real[]::halfvec
    FROM generate_series(0, 5) n, generate_series(0, 1) b;
    INSERT INTO trackstar.gradient_code
    SELECT 3, %(first)s + n, 0.5, CASE n %% 2 WHEN 0 THEN B'1111' ELSE B'1010' END FROM generate_series(0, 5) n;
    INSERT INTO trackstar.task_document SELECT 1, 1, %(first)s + n, 1 FROM generate_series(0, 5) n;
    INSERT INTO trackstar.entailment_label (document_id, fact_id, query_id, score, labeler)
    SELECT %(first)s + n, 'f' || 1 + n %% 4, NULL, 0.9 + %(number)s / 1e7, 'by ' || %(corpus)s
    FROM generate_series(0, 5) n;
    INSERT INTO trackstar.tail_patch
    SELECT 1, 1 + n %% 4, %(first)s + n, n + %(number)s / 1e6 FROM generate_series(0, 5) n;
    INSERT INTO trackstar.load (kind, destination, source) VALUES ('documents', %(corpus)s, '/home/' || %(corpus)s);
    INSERT INTO trackstar.retraining (name, model_id, corpus_id, query_set_id, settings, created_at)
    SELECT %(corpus)s || ' retraining', 1, c.corpus_id, 1, '{"fraction": 0.5}', '2026-01-01'
    FROM trackstar.corpus c WHERE c.name = %(corpus)s;
    INSERT INTO trackstar.retrained_subset (retraining_id, subset, document_ids)
    SELECT t.retraining_id, 0, ARRAY[%(first)s] FROM trackstar.retraining t WHERE t.name = %(corpus)s || ' retraining';
    INSERT INTO trackstar.retrained_answer
    SELECT t.retraining_id, 0, 1, -1 FROM trackstar.retraining t WHERE t.name = %(corpus)s || ' retraining';
"""

# Parameters: the run, its first document and how many (0: none), the number of queries it says it has, its settings.
RUN = """
    INSERT INTO trackstar.run (name, method, encoding_id, task_id, query_set_id, top_k, query_count, document_count,
                               code_version, settings, started_at, finished_at, tail_patch_step_id)
    VALUES (%(run)s::text, 'trackstar', 1, 1, 1, 6, 4, %(count)s, '0', %(settings)s, '2026-01-01', '2026-01-02', 1);
    INSERT INTO trackstar.run_encoding SELECT run_id, 1 FROM trackstar.run WHERE name = %(run)s;
    INSERT INTO trackstar.run_query (run_id, query_id, position)
    SELECT run_id, n, n FROM trackstar.run, generate_series(1, 4) n WHERE name = %(run)s;
    INSERT INTO trackstar.proponent
    SELECT run_id, q, direction, n + 1, %(first)s + n, 1 - n / 10.0 + %(first)s / 1e6
    FROM trackstar.run, generate_series(1, 4) q, (VALUES ('proponent'), ('opponent')) side (direction),
         generate_series(0, %(count)s - 1) n
    WHERE name = %(run)s;
    INSERT INTO trackstar.metric_interval
        (run_id, judge, metric, slice, slice_value, queries, value, low, high, evaluated_at)
    SELECT run_id, 'annotation', 'mrr', 'all', '', 4, 0.5, 0.25, 0.75, '2026-01-02'
    FROM trackstar.run WHERE name = %(run)s;
    INSERT INTO trackstar.lds (retraining_id, run_id, subsets, queries, value, low, high, evaluated_at)
    SELECT t.retraining_id, run_id, 2, 4, 0.5, 0.25, 0.75, '2026-01-02'
    FROM trackstar.run, trackstar.retraining t WHERE run.name = %(run)s;
"""

# Of zebra too: a judgement of an open run, and texts enough for statistics of them.
FURTHER = """
    INSERT INTO trackstar.lds (retraining_id, run_id, subsets, queries, value, low, high, evaluated_at)
    SELECT t.retraining_id, r.run_id, 987654, 987654, 0.987654, 0, 1, '2026-01-02'
    FROM trackstar.retraining t, trackstar.run r WHERE t.name = 'zebra retraining' AND r.name = 'first';
    INSERT INTO trackstar.document (corpus_id, external_id, text, metadata, content_digest)
    SELECT c.corpus_id, 'zebra ' || n, 'zebra ' || n % 2, '{"kind": "zebra"}', sha256('d')
    FROM trackstar.corpus c, generate_series(1, 500) n WHERE c.name = 'zebra';
    INSERT INTO trackstar.search (run, encoding_id, query_set_id, method, digest, passes_done, spans_read,
                                  documents_read, documents)
    VALUES ('zebra search', 1, 1, 'trackstar', sha256(''), 0, 0, 0, 1);
"""


def write_corpora(connection: psycopg.Connection[Any], with_zebra: bool) -> None:
    """Corpus `open` with its runs; and corpus `zebra` with those that searched it, alone or too.

    Rows of open have the same numbers with and without.
    """
    cursor = psycopg.ClientCursor(connection)
    cursor.execute(QUESTIONS)
    cursor.execute(CORPUS, {"corpus": "open", "first": 1, "number": 7})
    for run, count in (("first", 6), ("second", 3)):
        cursor.execute(RUN, {"run": run, "first": 1, "count": count, "settings": "{}"})
    if not with_zebra:
        return
    cursor.execute(CORPUS, {"corpus": "zebra", "first": 7, "number": 987654})
    for run, first, count, settings in [
        ("zebra", 7, 6, "{}"),
        ("zebra and open", 1, 12, "{}"),
        ("found nothing in zebra", 1, 0, '{"corpus": "zebra"}'),
        ("of what zebra had", 1, 3, '{"rerank": "zebra and open"}'),
    ]:
        cursor.execute(RUN, {"run": run, "first": first, "count": count, "settings": settings})
    cursor.execute(FURTHER)


# Logins --------------------------------------------------------------------------------------------

# keeper: granted zebra. maker: has a schema of its own to make functions in. guest: may log in, and nothing else.
# member: may become keeper (SET ROLE), and has none of its rights before that.
ROLES = """
    CREATE ROLE keeper LOGIN; GRANT tda_reader TO keeper;
    CREATE ROLE maker LOGIN; GRANT tda_reader TO maker;
    CREATE ROLE member LOGIN NOINHERIT; GRANT keeper TO member; GRANT tda_reader TO member;
    CREATE ROLE guest LOGIN"""
NAMES = ("keeper", "maker", "member", "guest")


@dataclass(frozen=True)
class TwoCorpora:
    """Two databases on one server: both corpora with zebra granted to keeper, and the same without zebra."""

    server: EmbeddedServer
    both: str = "row_security_both"
    alone: str = "row_security_alone"

    @contextmanager
    def login(self, role: str = "tda_reader", database: str | None = None) -> Iterator[Connection]:
        parameters = self.server.parameters(database=database or self.both) | {"user": role}
        with psycopg.connect(**parameters, autocommit=True) as connection:
            yield connection


@contextmanager
def two_corpora(server: EmbeddedServer) -> Iterator[TwoCorpora]:
    """Both databases and the roles, for as long as they are used."""
    made = TwoCorpora(server)
    with made.login("trackstar", "postgres") as owner:
        owner.execute(ROLES)
    for name in (made.both, made.alone):
        with Store.open(copy_database(server, name, TEMPLATE)) as store:
            with store.database.connect() as connection:
                write_corpora(connection, with_zebra=name == made.both)
            store.refresh()
            store.build_index("whole", "signs")
            if name == made.both:
                store.revoke_corpus("zebra", "tda_reader")
                store.grant_corpus("zebra", "keeper")
            else:
                store.revoke_corpus(None, "tda_reader")
                store.grant_corpus("open", "tda_reader")
        with made.login("trackstar", name) as owner:
            owner.execute("CREATE SCHEMA maker AUTHORIZATION maker")
            owner.execute("CREATE SCHEMA keeper AUTHORIZATION keeper")
            owner.execute("GRANT USAGE ON SCHEMA keeper TO PUBLIC")
            owner.execute("ANALYZE")
    yield made
    with made.login("trackstar", "postgres") as owner:
        for name in (made.both, made.alone):
            owner.execute(named("DROP DATABASE {} WITH (FORCE)", name))
        for role in NAMES:
            owner.execute(named("DROP ROLE {}", role))


@dataclass
class Seen:
    """All that came back from one statement: rows, notices, the error."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join([*map(str, self.rows), *self.said])


def attempt(connection: Connection, statement: str) -> Seen:
    """What a statement shows, whether it is refused or not."""
    seen = Seen()

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        seen.said += [str(notice.message_primary), str(notice.message_detail), str(notice.message_hint)]

    connection.add_notice_handler(hear)
    try:
        cursor = connection.execute(statement.encode())
        if cursor.description:
            seen.rows = cursor.fetchall()
    except psycopg.Error as error:
        found = error.diag
        seen.said += [
            str(part) for part in (found.message_primary, found.message_detail, found.message_hint, found.context)
        ]
    finally:
        connection.remove_notice_handler(hear)
    return seen


def assert_kept(seen: Seen) -> None:
    """Nothing of zebra shows: no word or number of it, nor the error that such a number would make."""
    assert not [sign for sign in (*SECRETS, "division by zero") if sign in seen.text], seen.text[:2000]


def named(statement: str, *names: str) -> sql.Composed:
    return sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
