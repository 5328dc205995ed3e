"""Rules that every object of the two schemas keeps, what roles begin with, and the grants of corpora."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from tests.conftest import RunTrackstar
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.schema import initialize
from trackstar_db.errors import NotFound
from trackstar_db.store import Store

Rows = Callable[[str], list[tuple[object, ...]]]

# What a row of these columns says belongs to a corpus, or to a run.
BOUND = ("corpus_id", "corpus_name", "run_id", "document_id", "document_external_id", "retraining_id")
# With their owner's rights: the search, which filters by hand, and what says who sees what.
DEFINERS = {
    "nearest",
    "search_documents",
    "granted_corpora",
    "readable_corpora",
    "readable_runs",
    "closed_corpus_names",
    "visible_runs",
    "visible_retrainings",
}


@pytest.fixture
def rows(database: Database) -> Rows:
    def select(statement: str) -> list[tuple[object, ...]]:
        with database.connect() as connection:
            return connection.execute(statement.encode()).fetchall()

    return select


# The rules -----------------------------------------------------------------------------------------


def test_every_view_reads_with_the_rights_of_who_asks(rows: Rows) -> None:
    views = rows(
        "SELECT oid::regclass::text, coalesce(reloptions, '{}'), relkind FROM pg_class "
        "WHERE relnamespace IN ('tda'::regnamespace, 'trackstar'::regnamespace) AND relkind = 'v'"
    )
    assert len(views) > 20
    assert [name for name, options, _ in views if "security_invoker=true" not in options] == []  # type: ignore[operator]


def test_nothing_is_a_materialized_view(rows: Rows) -> None:
    found = rows(
        "SELECT relname FROM pg_class WHERE relkind = 'm' "
        "AND relnamespace IN ('tda'::regnamespace, 'trackstar'::regnamespace)"
    )
    assert found == []  # row-level security knows none


def test_no_reader_reads_a_table_of_a_corpus_or_run_without_a_policy(rows: Rows) -> None:
    tables = rows(
        "SELECT c.relname, c.relrowsecurity, EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid), "
        "has_any_column_privilege('tda_reader', c.oid, 'SELECT'), "
        "ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) "
        "FROM pg_class c WHERE c.relnamespace = 'trackstar'::regnamespace AND c.relkind IN ('r', 'p')"
    )
    read = [table for table in tables if table[3]]
    assert len(read) > 20
    bound = [table for table in read if set(table[4]) & set(BOUND)]  # type: ignore[call-overload]
    assert len(bound) >= 15
    assert [name for name, has_security, has_policy, *_ in bound if not (has_security and has_policy)] == []
    assert rows("SELECT has_schema_privilege('tda_reader', 'trackstar', 'USAGE')") == [(False,)]


def test_the_planner_has_no_statistics_of_texts_and_names_that_belong_to_a_corpus(rows: Rows) -> None:
    open_words = {
        "fact_id",
        "outcome",
        "judge",
        "metric",
        "slice",
        "slice_value",
        "direction",
        "method",
        "code_version",
    }
    columns = rows(
        "SELECT c.relname, a.attname, a.attstattarget FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'trackstar'::regnamespace AND c.relkind IN ('r', 'p') AND c.relrowsecurity "
        "AND a.attnum > 0 AND a.atttypid = 'text'::regtype "
        "AND c.relname NOT IN ('encoding', 'corpus_grant')"  # everybody's; roles are in pg_roles
    )
    kept = {(table, column): target for table, column, target in columns if column not in open_words}
    assert kept.pop(("document", "external_id")) == 1  # the number of different ones, which joins need
    assert kept.pop(("annotation", "document_external_id")) == 1
    assert ("document", "text") in kept
    assert set(kept.values()) == {0}


def test_no_function_runs_with_its_owners_rights_but_those_that_filter_and_each_has_its_search_path(
    rows: Rows,
) -> None:
    functions = rows(
        "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace IN "
        "('tda'::regnamespace, 'trackstar'::regnamespace)"
    )
    assert {str(name) for name, _ in functions} == DEFINERS
    assert [name for name, settings in functions if "search_path=pg_catalog, pg_temp" not in (settings or [])] == []  # type: ignore[operator]


def test_no_function_runs_text_as_sql(rows: Rows) -> None:
    functions = rows(
        "SELECT n.nspname || '.' || p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "JOIN pg_language l ON l.oid = p.prolang WHERE n.nspname IN ('tda', 'trackstar') AND l.lanname = 'plpgsql'"
    )
    assert len(functions) > 10
    running = {name: source for name, source in functions if re.search(r"\bEXECUTE\b", str(source), re.IGNORECASE)}
    assert set(running) == {"trackstar.index_candidates"}
    # There the statement is one of two written out in it: identifiers and a number go in by format, values beside it.
    source = str(running["trackstar.index_candidates"])
    assert re.findall(r"EXECUTE (.*)", source) == [
        "format(statement, 'gradient_' || in_encoding_id, vector_schema, dimension)"
    ]
    assigned = re.search(r"statement := CASE in_index(.*?)END;", source, re.DOTALL)
    assert assigned is not None
    assert "||" not in assigned[1]
    assert source.count("statement :=") == 1


# What sessions of the reader begin with ------------------------------------------------------------


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    database = open_database(empty_database_url)
    yield database
    database.close()


def settings(database: Database) -> dict[str, str]:
    with database.connect() as connection:
        found = connection.execute(
            "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase "
            "WHERE setrole = 'tda_reader'::regrole AND d.datname = current_database()"
        ).fetchall()
    return dict(str(line).split("=", 1) for (line,) in found)


def test_the_reader_has_a_timeout_and_one_set_by_hand_stays(empty: Database) -> None:
    initialize(empty)
    assert settings(empty) == {"default_transaction_read_only": "on", "statement_timeout": "2min"}
    with psycopg.connect(empty.address.replace("trackstar@", "tda_reader@")) as reader:
        assert reader.execute("SHOW statement_timeout").fetchone() == ("2min",)
    with empty.session() as owner:
        name = sql.Identifier(owner.info.dbname)
        owner.execute(sql.SQL("ALTER ROLE tda_reader IN DATABASE {} SET statement_timeout = '10min'").format(name))
        owner.execute("COMMENT ON SCHEMA trackstar IS 'of another version'")
    initialize(empty)
    assert settings(empty)["statement_timeout"] == "10min"


def test_an_owner_that_may_not_set_the_timeout_is_told_so_and_corpora_are_kept_all_the_same(
    empty: Database, test_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with empty.session() as admin:
        name = admin.info.dbname
        admin.execute("CREATE ROLE plain_owner LOGIN")
        admin.execute("CREATE EXTENSION vector")
        admin.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO plain_owner").format(sql.Identifier(name)))
    try:
        plain = open_database(empty.address.replace("trackstar@", "plain_owner@"))
        with caplog.at_level(logging.WARNING):
            initialize(plain)
        assert "ALTER ROLE tda_reader IN DATABASE" in caplog.text
        assert f"{name} SET statement_timeout" in caplog.text
        with plain.connect() as connection:
            connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('kept'), ('shown')")
        Store(plain).revoke_corpus("kept", "tda_reader")
        assert [row[0] for row in _corpora(plain)] == ["kept", "shown"]
        with psycopg.connect(empty.address.replace("trackstar@", "tda_reader@")) as reader:
            assert reader.execute("SELECT corpus FROM tda.corpus").fetchall() == [("shown",)]
        plain.close()
    finally:
        with empty.session() as admin:
            admin.execute("DROP SCHEMA tda, trackstar CASCADE")
            admin.execute("DROP OWNED BY plain_owner")
            admin.execute("DROP ROLE plain_owner")


def _corpora(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute("SELECT corpus FROM tda.corpus ORDER BY 1").fetchall()


# Grants --------------------------------------------------------------------------------------------


@pytest.fixture
def two(database: Database) -> Store:
    with database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('news'), ('wiki')")
    return Store(database)


@pytest.fixture
def reader_role(test_server: EmbeddedServer) -> Iterator[str]:
    with psycopg.connect(**test_server.parameters(database="postgres"), autocommit=True) as admin:
        admin.execute('CREATE ROLE "a reader" LOGIN; GRANT tda_reader TO "a reader"')
        yield "a reader"
        admin.execute('DROP ROLE "a reader"')


def granted(store: Store) -> set[tuple[str, str | None]]:
    return {(row["role"], row["corpus"]) for row in store.grants()}


def seen_by(store: Store, role: str) -> list[str]:
    with psycopg.connect(store.database.address.replace("trackstar@", f"{role.replace(' ', '%20')}@")) as connection:
        return [str(name) for (name,) in connection.execute("SELECT corpus FROM tda.corpus ORDER BY 1")]


def test_at_first_readers_are_granted_every_corpus_and_those_to_come(two: Store) -> None:
    assert granted(two) == {("tda_reader", None)}
    assert seen_by(two, "tda_reader") == ["news", "wiki"]
    with two.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('later')")
    assert seen_by(two, "tda_reader") == ["later", "news", "wiki"]


def test_one_corpus_taken_from_a_role_that_had_all_leaves_the_others_and_none_to_come(two: Store) -> None:
    (notice,) = two.revoke_corpus("wiki", "tda_reader")
    assert "was granted every corpus" in notice
    assert granted(two) == {("tda_reader", "news")}
    with two.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('later')")
    assert seen_by(two, "tda_reader") == ["news"]
    two.grant_corpus(None, "tda_reader")
    assert seen_by(two, "tda_reader") == ["later", "news", "wiki"]
    two.revoke_corpus(None, "tda_reader")
    assert seen_by(two, "tda_reader") == []
    assert granted(two) == set()


def test_a_role_sees_what_is_granted_to_it_beside_what_all_readers_see(two: Store, reader_role: str) -> None:
    two.revoke_corpus("wiki", "tda_reader")
    assert seen_by(two, reader_role) == ["news"]
    assert two.grant_corpus("wiki", reader_role) == ()
    assert two.grant_corpus("wiki", reader_role) == ()  # as it is
    assert seen_by(two, reader_role) == ["news", "wiki"]
    assert two.revoke_corpus("wiki", reader_role) == ()
    two.grant_corpus("news", reader_role)
    (notice,) = two.revoke_corpus("news", reader_role)
    assert "still reads corpus news as a member of tda_reader" in notice
    two.grant_corpus("wiki", reader_role)
    (notice,) = two.revoke_corpus(None, reader_role)
    assert notice == "Role a reader still reads what is granted to tda_reader, as a member of it."
    two.revoke_corpus(None, "tda_reader")
    two.grant_corpus("wiki", reader_role)
    assert two.revoke_corpus(None, reader_role) == ()


def test_a_grant_names_a_corpus_and_a_role_that_are_there(two: Store, reader_role: str) -> None:
    with pytest.raises(NotFound, match=r"no role named 'nobody'.*CREATE ROLE \"nobody\" LOGIN"):
        two.grant_corpus("wiki", "nobody")
    with pytest.raises(NotFound, match="no corpus named 'books'; the database has: news, wiki"):
        two.grant_corpus("books", reader_role)
    with pytest.raises(NotFound, match="corpus 'wiki' is not granted to role 'a reader'"):
        two.revoke_corpus("wiki", reader_role)
    with pytest.raises(NotFound, match="role 'a reader' has no grant"):
        two.revoke_corpus(None, reader_role)
    assert granted(two) == {("tda_reader", None)}


def test_a_grant_to_a_login_that_reads_nothing_says_what_is_missing(two: Store, test_server: EmbeddedServer) -> None:
    with psycopg.connect(**test_server.parameters(database="postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE stranger LOGIN")
        try:
            (notice,) = two.grant_corpus("wiki", "stranger")
        finally:
            admin.execute("DROP ROLE stranger")
    assert 'GRANT tda_reader TO "stranger";' in notice
    assert [row["has_role"] for row in two.grants() if row["role"] == "stranger"] == [False]


def test_the_commands_grant_take_back_and_list(two: Store, run_trackstar: RunTrackstar, database_url: str) -> None:
    revoked = run_trackstar("revoke", "wiki", "--from", "tda_reader")
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert "Note: Role tda_reader was granted every corpus." in revoked.stderr
    assert "Revoked corpus wiki from tda_reader." in revoked.stderr
    listed = run_trackstar("grants")
    assert "news" in listed.stdout
    assert "wiki" not in listed.stdout
    granted = run_trackstar("grant", "--all", "--to", "tda_reader")
    assert "Granted every corpus to tda_reader." in granted.stderr
    assert run_trackstar("revoke", "wiki", "--all", "--from", "tda_reader").returncode == 2
    missing = run_trackstar("grant", "wiki", "--to", "nobody")
    assert (missing.returncode, missing.stderr.splitlines()[0][:22]) == (1, "Error: no role named '")
    reader = database_url.replace("trackstar@", "tda_reader@")
    refused = run_trackstar("grants", "--database-url", reader)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    assert 'trackstar sql -c "SELECT * FROM tda.corpus_grant"' in refused.stderr
    shown = run_trackstar("sql", "-c", "SELECT * FROM tda.corpus_grant", "--database-url", reader)
    assert "tda_reader" in shown.stdout
