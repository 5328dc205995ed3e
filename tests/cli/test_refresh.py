"""`trackstar refresh`."""

from __future__ import annotations

import json

from tests.conftest import RunTrackstar
from tests.integration.judged_runs import write_judged_runs
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.refresh import NAMES, refresh


def test_refresh_says_what_it_computed_and_again(run_trackstar: RunTrackstar, database_url: str) -> None:
    database = open_database(database_url)
    write_judged_runs(database)
    shown = run_trackstar("refresh")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["name", "rows", "seconds", "refreshed_at"]
    assert [line.split()[0] for line in lines[2:]] == list(NAMES)
    assert lines[2].split()[1] == "42"  # queries of three runs
    assert shown.stderr == ""
    again = json.loads(run_trackstar("refresh", "--format", "json").stdout)
    assert [(row["name"], row["rows"] > 0) for row in again] == [(name, True) for name in NAMES]
    with database.connect() as connection:
        seen = connection.execute("SELECT min(refreshed_at) FROM tda.refresh").fetchone()
    database.close()
    assert seen is not None
    assert seen[0].isoformat() == again[0]["refreshed_at"]


# Rows then lie the other way round, and a plan has no reason to read them in the order of a key.
REVERSED = """
    DO $$ DECLARE asked record; BEGIN
        FOR asked IN SELECT ctid, query_id FROM trackstar.run_query ORDER BY run_id DESC, query_id DESC LOOP
            UPDATE trackstar.run_query SET position = position WHERE ctid = asked.ctid;
        END LOOP;
        EXECUTE format('ALTER DATABASE %I SET enable_indexscan = off', current_database());
        EXECUTE format('ALTER DATABASE %I SET enable_indexonlyscan = off', current_database());
        EXECUTE format('ALTER DATABASE %I SET enable_bitmapscan = off', current_database());
        EXECUTE format('ALTER DATABASE %I SET enable_mergejoin = off', current_database());
    END $$"""


def test_refresh_writes_rows_in_the_order_of_their_key(database: Database) -> None:
    write_judged_runs(database)
    with database.connect() as connection:
        connection.execute(REVERSED)
    refresh(database)
    with database.connect() as connection:
        rows = connection.execute("SELECT run_id, query_id FROM trackstar.query_overview ORDER BY ctid").fetchall()
    assert len(rows) == 42
    assert rows == sorted(rows)


def test_a_reader_is_told_that_it_may_not_refresh(run_trackstar: RunTrackstar, database_url: str) -> None:
    done = run_trackstar("refresh", "--database-url", database_url.replace("trackstar@", "tda_reader@"))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database role may not do this: ")


def test_refresh_builds_and_drops_the_index_of_words_when_it_is_told_to(
    run_trackstar: RunTrackstar, database_url: str
) -> None:
    database = open_database(database_url)
    there = []
    for option in ((), ("--words",), (), ("--no-words",)):
        done = run_trackstar("refresh", *option)
        assert done.returncode == 0, done.stderr
        with database.connect() as connection:
            row = connection.execute("SELECT to_regclass('trackstar.document_words') IS NOT NULL").fetchone()
        there.append(row)
    database.close()
    assert there == [(False,), (True,), (True,), (False,)]
