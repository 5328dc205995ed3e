"""Making and upgrading the schema, what a server must have, and what tda_reader may do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.revision import head_revision, known_revisions
from trackstar_db.database.schema import initialize, require_current, status
from trackstar_db.database.server import ServerFacts, check_server
from trackstar_db.errors import DatabaseUnsuitable, SchemaOutOfDate

_numbers = count(1)


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = open_database(empty_database_url)
    yield database
    database.close()


# Making and upgrading ------------------------------------------------------------------------------


def test_the_known_revisions_are_alembics() -> None:
    config = Config(Path(__file__).parents[2] / "alembic.ini")
    scripts = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert list(known_revisions()) == scripts[::-1]


def test_a_new_database_gets_tables_views_functions_and_their_comments(empty: Database) -> None:
    before = initialize(empty)
    assert before.revision is None
    require_current(empty)
    with empty.connect() as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'trackstar'").fetchone()
        views = {row[0] for row in connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'tda'")}
        loose = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'tda'::regnamespace AND relkind NOT IN ('v')"
        ).fetchall()
    assert tables is not None
    assert tables[0] >= 20
    assert {"document", "fact", "query", "run", "proponent"} <= views
    assert loose == []


def test_setting_up_again_changes_nothing(database: Database) -> None:
    def objects() -> list[tuple[object, ...]]:
        with database.connect() as connection:
            found = connection.execute("SELECT oid, relname, xmin::text FROM pg_class ORDER BY oid")
            return found.fetchall()

    before = objects()
    assert initialize(database).is_current
    assert objects() == before


def test_views_of_another_version_are_replaced_without_a_new_revision(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("DROP VIEW tda.annotation CASCADE")
        connection.execute("COMMENT ON SCHEMA trackstar IS 'of another version'")
    with pytest.raises(SchemaOutOfDate, match=r"views of another version.*Run: trackstar init"):
        require_current(database)
    assert initialize(database).revision == head_revision()
    require_current(database)
    with database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM tda.annotation").fetchone() == (0,)


def test_two_at_once_both_succeed_on_one_database(empty_database_url: str) -> None:
    databases = [open_database(empty_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        before = list(pool.map(initialize, databases))
    for database in databases:
        require_current(database)
        database.close()
    assert sorted(state.revision is None for state in before) == [False, False, False, True]


def test_several_databases_of_one_new_server_at_once_share_the_reader_role(
    server_without_reader: EmbeddedServer,
) -> None:
    urls = []
    for name in ("one", "two", "three"):
        with psycopg.connect(**_admin(server_without_reader)) as connection:
            connection.autocommit = True
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        urls.append(server_without_reader.url(database=name))
    databases = [open_database(url) for url in urls]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(initialize, databases))
    for database in databases:
        require_current(database)
        database.close()


@pytest.fixture
def server_without_reader(own_server: EmbeddedServer) -> EmbeddedServer:
    own_server.start()
    with psycopg.connect(**_admin(own_server)) as connection:
        connection.execute("DROP ROLE tda_reader")
    return own_server


def test_a_database_that_is_not_set_up_is_out_of_date(empty: Database) -> None:
    with pytest.raises(SchemaOutOfDate, match="Run: trackstar init") as raised:
        require_current(empty)
    assert raised.value.exit_code == 3


def test_a_database_of_a_newer_version_is_left_alone(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.alembic_version SET version_num = '9999'")
    for attempt in (initialize, require_current):
        with pytest.raises(SchemaOutOfDate, match=r"9999.*pip install --upgrade trackstar-db"):
            attempt(database)


def test_a_failing_upgrade_leaves_nothing_behind(empty: Database) -> None:
    with empty.connect() as connection:
        connection.execute("CREATE SCHEMA tda")  # somebody else's: the first revision makes its own
    with pytest.raises(DatabaseUnsuitable, match=r'schema "tda" already exists.*ALTER SCHEMA tda RENAME'):
        initialize(empty)
    with empty.connect() as connection:
        row = connection.execute(
            "SELECT to_regnamespace('trackstar'), (SELECT count(*) FROM pg_extension WHERE extname = 'vector')"
        ).fetchone()
    assert row == (None, 0)


def test_a_schema_of_another_role_is_not_called_a_missing_right(empty: Database, plain_role: str) -> None:
    role = sql.Identifier(plain_role)
    with empty.session() as owner:
        owner.execute("CREATE EXTENSION vector; CREATE SCHEMA trackstar")
        owner.execute(sql.SQL("GRANT USAGE ON SCHEMA trackstar TO {}").format(role))
    database = open_database(empty.address.replace("trackstar@", f"{plain_role}@"))
    with pytest.raises(DatabaseUnsuitable, match="by another program or role: permission denied for schema trackstar"):
        initialize(database)
    database.close()
    with empty.session() as owner:
        owner.execute(sql.SQL("DROP OWNED BY {}").format(role))


# What a server must have ---------------------------------------------------------------------------


def test_a_server_without_pgvector_is_refused_with_what_to_install(
    server_without_vector: EmbeddedServer,
) -> None:
    database = open_database(server_without_vector.url())
    expected = r"has no pgvector.*postgresql-18-pgvector.*CREATE EXTENSION vector"
    with pytest.raises(DatabaseUnsuitable, match=expected):
        initialize(database)
    with database.connect() as connection:
        found = connection.execute("SELECT to_regnamespace('trackstar'), to_regnamespace('tda')").fetchone()
    database.close()
    assert found == (None, None)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (ServerFacts(140011, "14.11", "UTF8", "0.8.0", "0.8.0"), r"PostgreSQL 14\.11; trackstar needs 15"),
        (ServerFacts(160000, "16.0", "LATIN1", "0.8.0", "0.8.0"), r"LATIN1; trackstar needs UTF8.*ENCODING"),
        (ServerFacts(160000, "16.0", "UTF8", "0.6.2", "0.8.0"), r"0\.6\.2.*ALTER EXTENSION vector UPDATE;"),
        (
            ServerFacts(160000, "16.0", "UTF8", None, "0.5.1"),
            r"has pgvector 0\.5\.1.*CREATE EXTENSION vector;",
        ),
    ],
)
def test_a_server_that_is_too_old_is_refused_with_what_to_run(facts: ServerFacts, message: str) -> None:
    with pytest.raises(DatabaseUnsuitable, match=message):
        check_server(facts)


@pytest.mark.parametrize("vector", [("0.7.0", "0.7.0"), (None, "0.10.1"), ("0.8.6", None)])
def test_a_server_that_is_just_new_enough_is_taken(vector: tuple[str | None, str | None]) -> None:
    check_server(ServerFacts(150000, "15.0", "UTF8", *vector))


def test_a_database_in_another_encoding_is_refused(test_server: EmbeddedServer) -> None:
    with psycopg.connect(**_admin(test_server)) as connection:
        connection.autocommit = True
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'")
    database = open_database(test_server.url(database="latin"))
    try:
        with pytest.raises(DatabaseUnsuitable, match="LATIN1"):
            initialize(database)
    finally:
        database.close()
        with psycopg.connect(**_admin(test_server)) as connection:
            connection.autocommit = True
            connection.execute("DROP DATABASE latin WITH (FORCE)")


@pytest.fixture
def plain_role(test_server: EmbeddedServer) -> Iterator[str]:
    """A role that may log in and nothing else."""
    role = f"plain_{os.getpid()}_{next(_numbers)}"
    name = sql.Identifier(role)
    with psycopg.connect(**_admin(test_server)) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
    yield role
    with psycopg.connect(**_admin(test_server)) as connection:
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_role_without_rights_is_told_what_a_superuser_runs(empty_database_url: str, plain_role: str) -> None:
    database = open_database(empty_database_url.replace("trackstar@", f"{plain_role}@"))
    with pytest.raises(DatabaseUnsuitable, match=r"As a superuser, run .*CREATE EXTENSION vector;"):
        initialize(database)
    with open_database(empty_database_url).session() as owner:
        owner.execute("CREATE EXTENSION vector")
    with pytest.raises(DatabaseUnsuitable, match=f'GRANT CREATE ON DATABASE .* TO "{plain_role}";'):
        initialize(database)
    database.close()


def test_what_a_superuser_was_told_to_run_is_enough(empty_database_url: str, plain_role: str) -> None:
    owner = open_database(empty_database_url)
    name = psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"]
    with owner.session() as session:
        session.execute("CREATE EXTENSION vector")
        granted = sql.SQL("GRANT CREATE ON DATABASE {} TO {}")
        session.execute(granted.format(sql.Identifier(str(name)), sql.Identifier(plain_role)))
    database = open_database(empty_database_url.replace("trackstar@", f"{plain_role}@"))
    initialize(database)
    require_current(database)
    database.close()
    with owner.session() as session:
        session.execute("DROP SCHEMA tda, trackstar CASCADE")
        session.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(plain_role)))
    owner.close()


# The reader ----------------------------------------------------------------------------------------


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url.replace("trackstar@", "tda_reader@"), autocommit=True) as connection:
        yield connection


def test_the_reader_reads_every_view_and_calls_every_function(
    reader: psycopg.Connection[tuple[object, ...]],
) -> None:
    views = reader.execute("SELECT viewname FROM pg_views WHERE schemaname = 'tda'").fetchall()
    assert views
    for (view,) in views:
        reader.execute(sql.SQL("SELECT * FROM tda.{} LIMIT 1").format(sql.Identifier(str(view))))
    functions = reader.execute(
        "SELECT proname, has_function_privilege(oid, 'EXECUTE') FROM pg_proc WHERE pronamespace = 'tda'::regnamespace"
    ).fetchall()
    assert functions
    assert all(may_execute for _, may_execute in functions)


def test_the_reader_reads_no_table(reader: psycopg.Connection[tuple[object, ...]]) -> None:
    tables = reader.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'trackstar'").fetchall()
    assert tables
    for (table,) in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(sql.SQL("SELECT * FROM trackstar.{}").format(sql.Identifier(str(table))))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE tda.mine (x integer)",
        "CREATE TABLE public.mine (x integer)",
        "CREATE TABLE trackstar.mine (x integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION tda.f() RETURNS integer LANGUAGE sql RETURN 1",
        "INSERT INTO trackstar.corpus (name) VALUES ('x')",
        "UPDATE tda.run SET run = 'x'",
        "DELETE FROM tda.document",
        "SET ROLE trackstar",
        "COPY tda.document TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
def test_the_reader_writes_and_makes_nothing(reader: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
        reader.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMPORARY TABLE mine (x integer)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
    ],
)
def test_the_reader_makes_no_temporary_table_and_no_large_object(empty: Database, statement: str) -> None:
    initialize(empty)
    with psycopg.connect(empty.address.replace("trackstar@", "tda_reader@"), autocommit=True) as reader:
        assert reader.execute("SHOW transaction_read_only").fetchone() == ("on",)
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_whoever_made_the_tables_loads_through_temporary_tables_after_a_superusers_init(
    empty: Database, plain_role: str
) -> None:
    role = sql.Identifier(plain_role)
    initialize(empty)
    with empty.session() as owner:
        owner.execute(sql.SQL("ALTER SCHEMA trackstar OWNER TO {}").format(role))
        owner.execute("COMMENT ON SCHEMA trackstar IS 'of another version'")
    initialize(empty)
    with psycopg.connect(empty.address.replace("trackstar@", f"{plain_role}@")) as connection:
        connection.execute("CREATE TEMPORARY TABLE mine ()")
    with empty.session() as owner:
        owner.execute("ALTER SCHEMA trackstar OWNER TO trackstar")
        owner.execute(sql.SQL("DROP OWNED BY {}").format(role))


def test_the_reader_reads_views_that_a_later_version_adds(
    database: Database, reader: psycopg.Connection[tuple[object, ...]]
) -> None:
    with database.connect() as connection:
        connection.execute("CREATE VIEW tda.later AS SELECT 1 AS one")
    assert reader.execute("SELECT one FROM tda.later").fetchone() == (1,)


# Status --------------------------------------------------------------------------------------------


def test_the_status_of_an_empty_database_has_versions_and_no_rows(empty: Database) -> None:
    found = status(empty)
    assert (found.revision, found.is_current, found.rows) == (None, False, ())
    assert found.expected_revision == head_revision()
    assert found.postgresql_version.startswith("18.")
    assert found.pgvector_version is None


def test_the_status_counts_rows_and_names_unfinished_work(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO trackstar.corpus (name) VALUES ('wiki'), ('other');
            INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
            SELECT corpus_id, 'd' || n, 'text', sha256('x') FROM trackstar.corpus, generate_series(1, 5) n;
            INSERT INTO trackstar.load (kind, destination, source) VALUES ('documents', 'wiki', 'a.jsonl');
            INSERT INTO trackstar.load (kind, destination, source, finished_at)
            VALUES ('documents', 'wiki', 'b.jsonl', now());
            INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
            VALUES ('m', 'Llama', 1, '{}', sha256('m'));
            INSERT INTO trackstar.encoding
                (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
            SELECT new.name, model_id, 1, 1, 1, 'none', '{}', sha256('e')
            FROM trackstar.model, (VALUES ('begun'), ('unused')) AS new (name);
            INSERT INTO trackstar.encoded_document
            SELECT e.encoding_id, d.document_id, 'zero', 3, false
            FROM trackstar.encoding e, trackstar.document d JOIN trackstar.corpus c USING (corpus_id)
            WHERE e.name = 'begun' AND c.name = 'wiki' AND d.external_id IN ('d1', 'd2');
            """
        )
    found = status(database)
    rows = {row.table: row.rows for row in found.rows}
    assert (rows["corpus"], rows["document"], rows["encoded_document"], rows["load"]) == (2, 10, 2, 2)
    assert [(load.kind, load.source) for load in found.unfinished_loads] == [("documents", "a.jsonl")]
    left = [(u.encoding, u.corpus, u.documents_left) for u in found.unfinished_encodings]
    assert left == [("begun", "wiki", 3)]


def _admin(server: EmbeddedServer) -> dict[str, str]:
    return server.parameters(database="postgres")
