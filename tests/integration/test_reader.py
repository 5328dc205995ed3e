"""SQL that others give: whatever it says, it reads what a reader may read, in its time, and leaves nothing behind."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import TEMPLATE
from tests.copies import administer, copy_database
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.reader import answer, open_reader, reader_of
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable, SchemaOutOfDate, StatementRefused

OWNER = "trackstar"


def rows(reader: Database, text: str, *parameters: str, **options: Any) -> list[tuple[Any, ...]]:
    with answer(reader, text, parameters, **options) as found:
        return [row for batch in found.batches for row in batch]


@pytest.fixture(scope="module")
def owner(test_server: EmbeddedServer) -> Iterator[Database]:
    """A database with two corpora of a document each, as its owner sees it; a test leaves it as it was."""
    database = open_database(copy_database(test_server, "read", TEMPLATE))
    with database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('open'), ('closed')")
        connection.execute(
            """INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
               SELECT corpus_id, name, 'a text of ' || name, sha256(name::bytea) FROM trackstar.corpus"""
        )
    yield database
    database.close()
    administer(test_server, "DROP DATABASE {} WITH (FORCE)", "read")


@pytest.fixture(scope="module")
def reader(owner: Database) -> Database:
    """The reader of that database, opened by its owner's URL."""
    return reader_of(owner)


@pytest.fixture
def make_role(test_server: EmbeddedServer) -> Iterator[Any]:
    """Makes roles that can log in, with what is granted to them; they are gone after the test."""
    made: list[str] = []
    with psycopg.connect(test_server.url(database="postgres"), autocommit=True) as connection:

        def make(name: str, rights: str = "", member_of: str | None = None) -> str:
            made.append(name)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN " + rights).format(sql.Identifier(name)))  # type: ignore[arg-type]
            if member_of:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), sql.Identifier(name)))
            return name

        yield make
        for name in made:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


# Who reads ---------------------------------------------------------------------------------------------


def test_the_owners_url_reads_as_tda_reader_by_a_login_of_its_own(reader: Database) -> None:
    assert rows(reader, "SELECT session_user, current_user, current_setting('transaction_read_only')") == [
        ("tda_reader", "tda_reader", "on")
    ]
    assert rows(reader, "SELECT external_id FROM tda.document ORDER BY 1") == [("closed",), ("open",)]


def test_a_person_reads_by_a_role_of_their_own_and_sees_the_corpora_granted_to_it(
    owner: Database, reader: Database, make_role: Any
) -> None:
    make_role("person", member_of="tda_reader")
    own = open_reader(str(owner.as_role("person").address))
    asked = "SELECT session_user, external_id FROM tda.document"
    with owner.connect() as connection:
        connection.execute("DELETE FROM trackstar.corpus_grant")
        connection.execute(
            "INSERT INTO trackstar.corpus_grant (role_name, corpus_id) "
            "SELECT 'person', corpus_id FROM trackstar.corpus WHERE name = 'open'"
        )
    assert rows(own, asked) == [("person", "open")]
    assert rows(reader, asked) == []
    with owner.connect() as connection:
        connection.execute("DELETE FROM trackstar.corpus_grant")
        connection.execute("INSERT INTO trackstar.corpus_grant (role_name) VALUES ('tda_reader')")


@pytest.mark.parametrize(
    ("rights", "member_of"),
    [("CREATEROLE", "tda_reader"), ("SUPERUSER", None), ("BYPASSRLS", "tda_reader"), ("", "pg_read_all_data"),
     ("", OWNER)],
)  # fmt: skip
def test_a_role_that_can_do_more_gives_way_to_tda_reader(
    owner: Database, make_role: Any, rights: str, member_of: str | None
) -> None:
    make_role("mighty", rights, member_of)
    assert rows(open_reader(owner.as_role("mighty").address), "SELECT session_user") == [("tda_reader",)]


def test_where_tda_reader_cannot_log_in_it_says_what_to_do(owner: Database, test_server: EmbeddedServer) -> None:
    with psycopg.connect(test_server.url(database="postgres"), autocommit=True) as connection:
        connection.execute("ALTER ROLE tda_reader NOLOGIN")
        try:
            with pytest.raises(DatabaseUnsuitable, match="ALTER ROLE tda_reader LOGIN PASSWORD") as refused:
                reader_of(owner)
        finally:
            connection.execute("ALTER ROLE tda_reader LOGIN")
    assert "not permitted to log in" in str(refused.value)


def test_a_database_without_tables_is_out_of_date(empty_database_url: str) -> None:
    with pytest.raises(SchemaOutOfDate, match="trackstar init"):
        open_reader(empty_database_url)


def test_a_database_with_other_views_is_out_of_date(database: Database, database_url: str) -> None:
    with database.connect() as connection:
        connection.execute("COMMENT ON SCHEMA trackstar IS 'another version'")
    with pytest.raises(SchemaOutOfDate, match="trackstar init"):
        open_reader(database_url)


# What a text may try -----------------------------------------------------------------------------------

ATTEMPTS = [
    "RESET ROLE",
    "RESET ROLE; SELECT * FROM trackstar.document",
    "SET ROLE trackstar",
    "SET SESSION AUTHORIZATION trackstar",
    "RESET SESSION AUTHORIZATION",
    "SELECT 1; RESET ROLE",
    "SELECT 1; COMMIT; DELETE FROM trackstar.corpus",
    "SELECT 1); COMMIT; --",
    "SELECT 1 /*",
    "COMMIT",
    "ROLLBACK; SELECT * FROM trackstar.document",
    "SET TRANSACTION READ WRITE",
    "SELECT * FROM trackstar.document",
    "SELECT trackstar.granted_corpora()",
    "DELETE FROM tda.document",
    "WITH gone AS (DELETE FROM trackstar.corpus RETURNING *) SELECT * FROM gone",
    "SELECT * INTO mine FROM tda.run",
    "SELECT * FROM tda.run FOR UPDATE",
    "CREATE TEMPORARY TABLE mine ()",
    "CREATE FUNCTION pg_temp.mine() RETURNS integer RETURN 1",
    "COPY (SELECT 1) TO PROGRAM 'touch {file}'",
    "COPY tda.document TO '{file}'",
    "DO $$ BEGIN RAISE NOTICE 'here'; END $$",
    "PREPARE mine AS SELECT 1",
    "EXECUTE _pg3_0",
    "FETCH ALL FROM answer",
    "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
    "EXPLAIN ANALYZE SELECT * FROM tda.document",
    "LOCK TABLE tda.document",
    "SELECT set_config('role', 'trackstar', true)",
    "SELECT set_config('session_authorization', 'trackstar', true)",
    "SELECT set_config('role', 'none', true) FROM ts_stat('SELECT to_tsvector(text) FROM trackstar.document')",
    "SELECT count(*) FROM ts_stat('DELETE FROM trackstar.document RETURNING to_tsvector(text)')",
    "SELECT set_config('transaction_read_only', 'off', true)",
    "SELECT set_config('transaction_read_only', 'off', true), lo_create(0)",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_export(1, '{file}')",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT nextval('trackstar.corpus_corpus_id_seq')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT stavalues1 FROM pg_statistic",
    "SELECT pg_reload_conf()",
    "SELECT pg_try_advisory_lock(7)",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_text_can_do_no_more_than_a_reader(owner: Database, reader: Database, tmp_path: Path, attempt: str) -> None:
    tmp_path.chmod(0o777)
    file = tmp_path / "written"
    with pytest.raises(StatementRefused):
        rows(reader, attempt.replace("{file}", str(file)))
    assert not file.exists()
    with owner.connect() as connection:
        left = connection.execute("SELECT count(*) FROM trackstar.document").fetchone()
        objects = connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'mine'").fetchone()
    assert (left, objects) == ((2,), (0,))
    assert rows(reader, "SELECT session_user, current_user") == [("tda_reader", "tda_reader")]


def test_what_a_text_sets_is_gone_with_it(reader: Database) -> None:
    asked = "SELECT current_setting('search_path'), current_setting('datestyle')"
    before = rows(reader, asked)
    rows(reader, "SELECT set_config('search_path', 'nowhere', false), set_config('datestyle', 'SQL', false)")
    assert rows(reader, asked) == before


def test_parameters_are_values_whatever_they_hold(reader: Database) -> None:
    hostile = "'; DROP TABLE trackstar.document; -- $1 %s %(x)s {}"
    assert rows(reader, "SELECT $1::text, '%s' || $2", hostile, "%") == [(hostile, "%s%")]
    with pytest.raises(StatementRefused, match="invalid input syntax for type integer"):
        rows(reader, "SELECT $1::integer", "1; SELECT 2")
    with pytest.raises(StatementRefused, match=r"supplies 0 parameters.*\n.*a value for each"):
        rows(reader, "SELECT $1::integer")
    assert rows(reader, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "text",
    ["TABLE tda.surface;", "VALUES (1), (2)", "-- why\nWITH x AS (SELECT 1) SELECT * FROM x -- end", "(SELECT 1)"],
)
def test_every_form_of_a_query_is_taken(reader: Database, text: str) -> None:
    assert rows(reader, text)


# Time and memory ---------------------------------------------------------------------------------------


def test_a_statement_is_stopped_after_its_time(reader: Database) -> None:
    began = time.monotonic()
    with pytest.raises(StatementRefused, match="longer than the 0"):
        rows(reader, "SELECT pg_sleep(20)", seconds=0.2)
    with pytest.raises(StatementRefused, match="longer than the 0"):
        rows(reader, "SELECT generate_series(1, 3000000)", seconds=0.1)  # each batch is quick
    assert time.monotonic() - began < 10


def test_a_statement_cannot_give_itself_more_time(reader: Database) -> None:
    text = "SELECT set_config('statement_timeout', '0', false), pg_sleep(0.2) FROM generate_series(1, 100)"
    fetched: list[tuple[Any, ...]] = []

    def fetch() -> None:
        with answer(reader, text, seconds=0.5, rows_at_once=1) as found:
            for batch in found.batches:
                fetched.extend(batch)

    with pytest.raises(StatementRefused, match="longer than"):
        fetch()
    assert 1 <= len(fetched) <= 3


def test_time_between_batches_is_not_the_statements(reader: Database) -> None:
    with answer(reader, "SELECT generate_series(1, 4)", seconds=0.3, rows_at_once=2) as found:
        for _ in found.batches:
            time.sleep(0.4)


def test_rows_are_streamed(reader: Database) -> None:
    text = "SELECT n, repeat('x', 10000) FROM generate_series(1, 10000) n"  # 100 MB
    tracemalloc.start()
    with answer(reader, text) as found:
        count = sum(len(batch) for batch in found.batches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_000
    assert peak < 8_000_000


# Values and errors -------------------------------------------------------------------------------------


def test_values_that_python_lacks_come_as_postgresql_prints_them(reader: Database) -> None:
    found = rows(
        reader,
        """SELECT 'infinity'::timestamptz, '4000-01-01 BC'::date, '1 mon 2 days'::interval, ARRAY[date '2026-01-02'],
                  '[1,3)'::int4range, true, NULL::text, '{"a": [1]}'::jsonb, ARRAY['x', NULL], 0.10, 'NaN'::numeric,
                  '\\x00ff'::bytea""",
    )[0]
    assert found[:9] == ("infinity", "4000-01-01 BC", "1 mon 2 days", "{2026-01-02}", "[1,3)", True, None,
                         '{"a": [1]}', ["x", None])  # fmt: skip
    assert [str(value) for value in found[9:]] == ["0.10", "NaN", "\\x00ff"]


def test_an_error_shows_the_line_the_place_and_the_hint(reader: Database) -> None:
    with pytest.raises(StatementRefused) as refused:
        rows(reader, "SELECT run,\n  '日本' || methd\nFROM tda.run")
    lines = str(refused.value).splitlines()
    assert lines[0] == 'column "methd" does not exist'
    assert lines[1] == "LINE 2:   '日本' || methd"
    assert lines[2] == " " * len("LINE 2:   '____' || ") + "^"
    assert lines[3].startswith('Hint: Perhaps you meant to reference the column "run.method"')


def test_an_error_never_carries_terminal_escapes(reader: Database) -> None:
    with pytest.raises(StatementRefused) as refused:
        rows(reader, "SELECT ('\x1b[31mred\x07' || E'\\x1b[2J')::integer")
    assert "invalid input syntax" in str(refused.value)
    assert all(char.isprintable() or char == "\n" for char in str(refused.value))


@pytest.mark.parametrize(
    ("text", "says"), [("  \n", "no SQL"), ("SELECT 'a\0b'", "zero byte"), ("SELECT '\udcff'", "UTF-8")]
)
def test_a_text_that_cannot_be_sent_is_refused_before(reader: Database, text: str, says: str) -> None:
    with pytest.raises(StatementRefused, match=says):
        rows(reader, text)


def test_a_lost_server_is_no_refusal(reader: Database) -> None:
    ended = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(DatabaseUnavailable):
        rows(reader, ended)
    assert rows(reader, "SELECT 1") == [(1,)]
