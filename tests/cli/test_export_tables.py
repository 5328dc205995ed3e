"""`trackstar export table`, `export sql` and `export gradients`: files, pipes, and what is wrong with either."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.integration.judged_runs import write_judged_runs
from trackstar_db.database.engine import Database

RunTrackstar = Callable[..., "subprocess.CompletedProcess[str]"]


def test_views_go_into_files_and_pipes(database: Database, run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    write_judged_runs(database)
    path = tmp_path / "one.parquet"
    wanted = ("--where", "run=one", "--where", "run=two", "--where", "direction=opponent")
    written = run_trackstar("export", "table", "proponent", *wanted, "--output", path)
    rows = pq.read_table(path).select(["run", "direction"]).to_pylist()
    assert (written.returncode, written.stdout) == (0, "")
    assert written.stderr.startswith(f"parquet: proponent {len(rows):,} rows · ")
    assert {(row["run"], row["direction"]) for row in rows} == {("one", "opponent"), ("two", "opponent")}
    printed = run_trackstar("export", "table", "run", "--where", "run=one", "--reader", "--format", "jsonl")
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)["ais_labeler"] == "nli"
    whole = run_trackstar("export", "table", "run", "query", "fact", "--output", tmp_path / "some.sqlite")
    assert whole.stderr.startswith("sqlite: run 3 rows, query 14 rows, fact 12 rows · ")
    with closing(sqlite3.connect(tmp_path / "some.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM query JOIN fact USING (fact_id)").fetchone() == (12,)


@pytest.mark.usefixtures("database_url")
def test_the_answer_of_sql_keeps_its_order_and_takes_values(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    question = tmp_path / "question.sql"
    question.write_text(
        "WITH parameter AS (SELECT\n    2::integer AS least -- the least\n)\nSELECT n, current_user::text AS me\n"
        "FROM generate_series(5, (SELECT least FROM parameter), -1) n ORDER BY n DESC -- down;\n"
    )
    printed = run_trackstar("export", "sql", question, "--set", "least=3")
    assert printed.stdout == '"n","me"\n5,"tda_reader"\n4,"tda_reader"\n3,"tda_reader"\n'
    assert printed.stderr.startswith("csv: answer 3 rows · ")
    piped = run_trackstar("export", "sql", "-", "--output", tmp_path / "one.jsonl", stdin="SELECT 1 AS n;\n")
    assert (piped.returncode, (tmp_path / "one.jsonl").read_text()) == (0, '{"n": 1}\n')


@pytest.mark.usefixtures("database_url")
def test_what_cannot_be_exported_as_a_table_is_told_in_one_line(run_trackstar: RunTrackstar) -> None:
    for arguments, code, said in (
        (("table", "runs"), 1, "Error: schema tda has no view 'runs'. Did you mean run? It has: "),
        (("table", "run", "--where", "name"), 2, "--where takes COLUMN=VALUE, and was given 'name'."),
        (("sql", "-c", "SELECT * FROM trackstar.document"), 1, "Error: permission denied for schema trackstar"),
        (("gradients", "--encoding", "olmo", "--output", "g.parquet"), 1, "Error: no encoding named 'olmo'; "),
    ):
        found = run_trackstar("export", *arguments)
        assert (found.returncode, found.stdout) == (code, ""), arguments
        assert said in found.stderr


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize("ending", ["csv", "sqlite", "jsonl.gz"])
def test_a_name_may_be_as_long_as_a_files_can_be(run_trackstar: RunTrackstar, tmp_path: Path, ending: str) -> None:
    for length, code in ((255, 0), (256, 1)):
        name = ("é" * 128)[: (length - len(ending) - 1) // 2]
        name = name + "x" * (length - len(ending) - 1 - 2 * len(name)) + "." + ending
        result = run_trackstar("export", "table", "run", "--output", tmp_path / name)
        assert result.returncode == code, result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert code == 0 or "File name too long. Name a file that can be written." in result.stderr
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("number", "code", "word"), [(signal.SIGTERM, 143, "Terminated."), (signal.SIGINT, 130, "")])
def test_an_export_that_is_ended_takes_away_what_it_began(
    database_url: str, tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    text = "SELECT repeat('x', 1000) || n AS text, pg_sleep(0.001)::text AS slept FROM generate_series(1, 1000000) n"
    process = subprocess.Popen(
        [sys.executable, "-m", "trackstar_db.cli", "export", "sql", "-c", text, "--output", tmp_path / "x.csv"],
        env={**os.environ, "TRACKSTAR_DATABASE_URL": database_url},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (code, -signal.SIGINT if number == signal.SIGINT else code), errors
    assert word in errors.decode()
    assert list(tmp_path.iterdir()) == []
