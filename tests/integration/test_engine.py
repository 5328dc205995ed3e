"""Which database is used, what a lost connection is called, and that no password is ever shown."""

from __future__ import annotations

import os
import signal
import time

import psycopg
import pytest
from pgvector import HalfVector

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.schema import initialize
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable

SECRET = "s3cr:t/@%"
SECRET_QUOTED = "s3cr%3At%2F%40%25"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_form_of_url_leads_to_the_same_database(database_url: str, scheme: str) -> None:
    database = open_database(database_url.replace("postgresql", scheme, 1))
    with database.connect() as connection:
        found = connection.execute("SELECT current_database()").fetchone()
    database.close()
    assert found == (psycopg.conninfo.conninfo_to_dict(database_url)["dbname"],)


@pytest.mark.parametrize(
    ("given", "trackstar_variable", "general_variable", "expected"),
    [
        ("postgresql://host/a", "postgresql://host/b", "postgresql://host/c", "a"),
        (None, "postgresql://host/b", "postgresql://host/c", "b"),
        (None, "", "postgresql://host/c", "c"),
    ],
)
def test_the_option_comes_before_our_variable_and_that_before_the_general_one(
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    trackstar_variable: str,
    general_variable: str,
    expected: str,
) -> None:
    monkeypatch.setenv("TRACKSTAR_DATABASE_URL", trackstar_variable)
    monkeypatch.setenv("DATABASE_URL", general_variable)
    assert open_database(given).url.database == expected


def test_without_any_url_the_embedded_server_is_used(
    monkeypatch: pytest.MonkeyPatch, test_server: EmbeddedServer
) -> None:
    monkeypatch.setenv("TRACKSTAR_HOME", str(test_server.layout.home))
    database = open_database()
    with database.connect() as connection:
        row = connection.execute("SELECT current_database(), current_user").fetchone()
    database.close()
    assert row == ("trackstar", "trackstar")


@pytest.mark.parametrize(
    "url",
    ["mysql://root@host/db", "sqlite:///file.db", "host=localhost dbname=x", "postgresql:/host", "nonsense"],
)
def test_an_address_of_something_else_is_refused_and_the_way_out_named(url: str) -> None:
    with pytest.raises(DatabaseUnsuitable, match="TRACKSTAR_DATABASE_URL"):
        open_database(url)


def test_the_variable_with_the_wrong_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hidden@host/db")
    with pytest.raises(DatabaseUnsuitable, match=r"DATABASE_URL holds a URL that begins with mysql://") as raised:
        open_database()
    assert "hidden" not in str(raised.value)


def test_a_password_is_in_no_text_form_of_a_database() -> None:
    database = open_database(f"postgresql://me:{SECRET_QUOTED}@db.example.org:5433/corpus?sslmode=require")
    assert database.url.password == SECRET
    for text in (repr(database), str(database), str(database.url), repr(database.url), database.address):
        assert SECRET not in text
        assert SECRET_QUOTED not in text
    assert database.address == "postgresql://me:***@db.example.org:5433/corpus?sslmode=require"


def test_a_password_given_as_a_parameter_is_hidden_too() -> None:
    database = open_database(f"postgresql://me@db.example.org/corpus?password={SECRET_QUOTED}")
    assert database.url.password == SECRET
    assert SECRET_QUOTED not in repr(database) + database.address + str(database.url)


def test_a_url_that_cannot_be_read_is_not_quoted_with_its_password() -> None:
    with pytest.raises(DatabaseUnsuitable, match="percent-encoded") as raised:
        open_database("postgresql://me:half%zz-secret@db.example.org/corpus")
    assert "half" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("rest", ["me:secret@[::bad/x", "[::bad/x", "me:secret/%zz@host/db"])
def test_a_host_that_cannot_be_read_is_an_unsuitable_address(rest: str) -> None:
    with pytest.raises(DatabaseUnsuitable, match="percent-encoded") as raised:
        open_database(f"postgresql://{rest}")
    assert "secret" not in str(raised.value)


def test_the_address_shown_is_one_that_libpq_reads() -> None:
    given = {"host": "/a b/c+d", "dbname": "my data", "user": "me"}
    shown = psycopg.conninfo.conninfo_to_dict(Database(lambda: dict(given)).address)
    assert shown == given


def test_pgvector_in_a_schema_of_its_own_is_found(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    with database.connect() as connection:
        connection.execute('CREATE SCHEMA "Ext"; CREATE EXTENSION vector SCHEMA "Ext"')
    initialize(database)
    for opened in (database.connect, database.session, database.connect):
        with opened() as connection:
            row = connection.execute("SELECT '[1]'::halfvec").fetchone()
            assert row is not None
            assert isinstance(row[0], HalfVector)
    database.close()


def test_a_server_that_is_not_there_is_one_error_without_the_password() -> None:
    database = open_database(f"postgresql://me:{SECRET_QUOTED}@127.0.0.1:1/corpus")
    shown = r"postgresql://me:\*\*\*@127\.0\.0\.1:1/corpus"
    with pytest.raises(DatabaseUnavailable, match=shown) as raised, database.connect():
        pass
    assert isinstance(raised.value.__cause__, psycopg.OperationalError)
    assert SECRET not in str(raised.value)
    assert SECRET_QUOTED not in str(raised.value)


def test_a_block_is_committed_when_it_ends_and_rolled_back_when_it_raises(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('kept')")
    with pytest.raises(psycopg.errors.DivisionByZero):
        _run(database, "INSERT INTO trackstar.corpus (name) VALUES ('lost')", "SELECT 1 / 0")
    with database.connect() as connection:
        assert connection.execute("SELECT name FROM trackstar.corpus").fetchall() == [("kept",)]


def test_gradients_come_back_as_vectors_on_pooled_and_own_connections(database: Database) -> None:
    for opened in (database.connect, database.session):
        with opened() as connection:
            row = connection.execute("SELECT '[1,2.5]'::halfvec").fetchone()
            assert row is not None
            assert isinstance(row[0], HalfVector)
            assert row[0].to_list() == [1.0, 2.5]


def test_vectors_are_known_as_soon_as_the_extension_is_made(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION vector")
    with database.connect() as connection:
        row = connection.execute("SELECT '[1]'::halfvec").fetchone()
    database.close()
    assert row is not None
    assert isinstance(row[0], HalfVector)


def test_a_session_commits_each_statement_and_holds_its_lock(database: Database) -> None:
    with database.session() as session:
        session.execute("SELECT pg_advisory_lock(7)")
        session.execute("INSERT INTO trackstar.corpus (name) VALUES ('at once')")
        with database.connect() as other:
            assert other.execute("SELECT name FROM trackstar.corpus").fetchall() == [("at once",)]
            assert other.execute("SELECT pg_try_advisory_xact_lock(7)").fetchone() == (False,)
    with database.connect() as other:  # a server process ends, and gives back its locks, a moment after its client
        other.execute("SET LOCAL lock_timeout = '30s'")
        other.execute("SELECT pg_advisory_xact_lock(7)")


def test_a_refused_statement_is_not_called_a_lost_server(database: Database) -> None:
    with pytest.raises(psycopg.errors.QueryCanceled):
        _run(database, "SET LOCAL statement_timeout = 10", "SELECT pg_sleep(5)")


def test_ctrl_c_between_sending_and_waiting_ends_the_statement_and_stays_ctrl_c(database: Database) -> None:
    def interrupted() -> None:
        with database.connect() as connection:
            connection.execute("CREATE TABLE half_written (x integer)")
            connection.pgconn.send_query(b"SELECT pg_sleep(600)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND state = 'active'"
    with database.session() as session:
        deadline = time.monotonic() + 30
        while session.execute(sleeping).fetchone() != (0,) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert session.execute(sleeping).fetchone() == (0,)
    with database.connect() as connection:
        assert connection.execute("SELECT to_regclass('half_written')").fetchone() == (None,)


@pytest.mark.parametrize("way", ["connect", "session", "bound"])
def test_a_connection_that_is_cut_inside_a_block_is_a_database_unavailable(database: Database, way: str) -> None:
    def work() -> None:
        with getattr(database, way)() as opened:
            connection = opened[1] if way == "bound" else opened
            pid = connection.info.backend_pid
            with psycopg.connect(**_parameters(database), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailable, match="does not answer, or the connection broke"):
        work()
    with database.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_dies_inside_a_block_is_a_database_unavailable_and_comes_back(
    own_server: EmbeddedServer,
) -> None:
    own_server.start()
    pid = own_server.status().pid
    assert pid is not None
    database = open_database()

    def work() -> None:
        with database.connect() as connection:
            connection.execute("CREATE TABLE half_written (x integer)")
            os.kill(pid, signal.SIGKILL)
            for _ in range(1000):
                connection.execute("SELECT pg_sleep(0.01)")

    with pytest.raises(DatabaseUnavailable):
        work()
    with database.connect() as connection:
        assert connection.execute("SELECT to_regclass('half_written')").fetchone() == (None,)
    database.close()


def _run(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _parameters(database: Database) -> dict[str, str]:
    url = database.url
    query = {name: str(value) for name, value in url.query.items()}
    return {"user": str(url.username), "dbname": str(url.database), **query}
