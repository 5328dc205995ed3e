"""`trackstar refresh`."""

from __future__ import annotations

import json

from tests.conftest import RunTrackstar
from tests.integration.judged_runs import write_judged_runs
from trackstar_db.database.engine import open_database
from trackstar_db.database.refresh import NAMES


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


def test_a_reader_is_told_that_it_may_not_refresh(run_trackstar: RunTrackstar, database_url: str) -> None:
    done = run_trackstar("refresh", "--database-url", database_url.replace("trackstar@", "tda_reader@"))
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The database role may not do this: ")
