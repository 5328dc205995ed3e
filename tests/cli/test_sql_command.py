"""`trackstar sql` as a program: where the text comes from, how answers and errors are printed."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from wcwidth import width

RunTrackstar = Callable[..., "subprocess.CompletedProcess[str]"]
TYPED = (
    "SELECT 1 AS n, 0.1250 AS share, 1e-7::float8 AS rate, 'NaN'::float8 AS none, true AS is_here, NULL AS nothing,"
    " ARRAY['a', NULL] AS names, '{\"k\": 1}'::jsonb AS data, '2026-01-02'::date AS day, 'a\"b' AS text"
)

pytestmark = pytest.mark.usefixtures("database_url")


def test_json_is_an_object_a_line_with_types(run_trackstar: RunTrackstar) -> None:
    result = run_trackstar("sql", "--format", "json", "-c", f"{TYPED} UNION ALL {TYPED}")
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first == second
    assert json.loads(first) == {
        "n": 1, "share": 0.125, "rate": 1e-7, "none": "NaN", "is_here": True, "nothing": None, "names": ["a", None],
        "data": {"k": 1}, "day": "2026-01-02", "text": 'a"b',
    }  # fmt: skip


def test_json_has_no_column_twice_and_loses_none(run_trackstar: RunTrackstar) -> None:
    result = run_trackstar("sql", "--format", "json", "-c", "SELECT 1 AS a, 2 AS a")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Two columns are named 'a'. Give each a name of its own" in result.stderr
    assert run_trackstar("sql", "--format", "csv", "-c", "SELECT 1 AS a, 2 AS a").stdout == "a,a\n1,2\n"


def test_csv_is_what_a_pipe_gets(run_trackstar: RunTrackstar) -> None:
    result = run_trackstar("sql", "-", stdin=TYPED)
    assert (result.returncode, result.stderr) == (0, "")
    names, values = csv.reader(io.StringIO(result.stdout))
    assert names == ["n", "share", "rate", "none", "is_here", "nothing", "names", "data", "day", "text"]
    assert values == ["1", "0.1250", "1e-07", "nan", "true", "", '["a", null]', '{"k": 1}', "2026-01-02", 'a"b']


def test_csv_quotes_line_ends_of_every_kind(run_trackstar: RunTrackstar) -> None:
    result = run_trackstar("sql", "--format", "csv", "-c", r"SELECT E'a\rb' AS cr, E'a\r\nb' AS both, 'a' AS none")
    assert result.stdout == 'cr,both,none\n"a\nb","a\nb",a\n'  # a program's output as text: every line end is \\n


BIG = "(repeat('9', 5000))::numeric"
DEEP = "(repeat('[', 4000) || repeat(']', 4000))"


def test_numbers_and_json_come_out_exactly(run_trackstar: RunTrackstar) -> None:
    text = (
        f"SELECT {BIG} AS big, 1e400::numeric AS huge, 0.12345678901234567890::numeric AS long, 1e-9::numeric AS small,"
        f" ARRAY[1e400::numeric, NULL, 'NaN'] AS list, '[1e400, 0.12345678901234567890]'::json AS kept,"
        f" E'{{\\n\"a\": 1}}'::json AS lines, {DEEP}::json AS deep, to_jsonb({BIG}) AS held"
    )
    deep = "[" * 4000 + "]" * 4000
    found = run_trackstar("sql", "--format", "json", "-c", text)
    assert (found.returncode, found.stderr) == (0, "")
    huge = "1" + "0" * 400
    assert found.stdout == (
        f'{{"big": {"9" * 5000}, "huge": {huge}, "long": 0.12345678901234567890, "small": 0.000000001, '
        f'"list": [{huge}, null, "NaN"], "kept": [1e400, 0.12345678901234567890], "lines": {{ "a": 1}}, '
        f'"deep": {deep}, "held": {"9" * 5000}}}\n'
    )
    values = next(csv.DictReader(io.StringIO(run_trackstar("sql", "--format", "csv", "-c", text).stdout)))
    assert (values["big"], values["huge"], values["small"], values["deep"]) == ("9" * 5000, huge, "0.000000001", deep)
    assert values["list"] == f'[{huge}, null, "NaN"]'
    table = run_trackstar("sql", "--format", "table", "-c", text)
    assert table.returncode == 0
    assert "Infinity" not in table.stdout


@pytest.mark.parametrize("command", [("sql", "--format", "json"), ("export", "sql")])
def test_a_changed_encoding_is_refused(run_trackstar: RunTrackstar, command: tuple[str, ...]) -> None:
    text = "SELECT 'é' || set_config('client_encoding', '{}', true) AS text FROM generate_series(1, 3)"
    for encoding in ("LATIN1", "SQL_ASCII"):
        result = run_trackstar(*command, "-c", text.format(encoding))
        assert result.returncode == 1
        assert "the statement changes client_encoding. Leave it as it is." in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_the_environment_changes_no_encoding(run_trackstar: RunTrackstar) -> None:
    for encoding in ("LATIN1", "SQL_ASCII"):
        result = run_trackstar("sql", "-c", "SELECT '日é' AS text", env={"PGCLIENTENCODING": encoding})
        assert (result.returncode, result.stdout) == (0, "text\n日é\n")


def test_a_table_fits_its_width_and_cuts_texts_but_no_numbers(run_trackstar: RunTrackstar) -> None:
    text = (
        "SELECT n AS number, repeat('日本語 ', n) AS wide, repeat('word ', n) AS long, n * 1000000 AS amount"
        " FROM generate_series(1, 200) n"
    )
    result = run_trackstar("sql", "--format", "table", "-c", text, env={"COLUMNS": "60"})
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["number", "wide", "long", "amount"]
    assert len(lines) == 202
    assert all(width(line) <= 60 for line in lines)
    assert {width(line) for line in lines[2:]} == {width(lines[1])}  # amounts stand to the right, at one place
    assert [line.split()[-1] for line in lines[2:]] == [str(n * 1_000_000) for n in range(1, 201)]
    assert lines[-1].count("…") == 2
    assert result.stderr == "(200 rows; longer texts are cut, and whole with --format json or csv)\n"


def test_rows_wider_than_the_terminal_are_records(run_trackstar: RunTrackstar) -> None:
    columns = ", ".join(f"{n} AS quite_a_long_name_{n}" for n in range(9))
    result = run_trackstar("sql", "--format", "table", "-c", f"SELECT {columns}", env={"COLUMNS": "60"})
    assert result.stdout.splitlines()[:2] == ["quite_a_long_name_0  0", "quite_a_long_name_1  1"]
    assert result.stderr == "(1 row)\n"


def test_an_answer_without_rows_has_its_columns(run_trackstar: RunTrackstar) -> None:
    asked = ("sql", "-c", "SELECT run, method FROM tda.run")
    assert run_trackstar(*asked, "--format", "table").stdout.splitlines()[0] == "run  method"
    assert run_trackstar(*asked).stdout == "run,method\n"


@pytest.mark.parametrize("output_format", ["table", "json", "csv"])
def test_escapes_in_data_reach_no_terminal(database_url: str, output_format: str) -> None:
    text = "SELECT E'\\x1b]0;title\\x07\\u009b31mred\\nnext' AS \"a\u009bb\", E'\\u202egnp.exe' AS other"
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "trackstar_db.cli", "sql", "--format", output_format, "-c", text]
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.PIPE, env=environment) as process:
        os.close(slave)
        shown = b""
        while chunk := _read(master):
            shown += chunk
        assert process.wait() == 0
        assert process.stderr
        process.stderr.close()
    os.close(master)
    assert "red" in shown.decode()
    assert not {char for char in shown.decode() if char in "\x1b\x07" or "\x7f" <= char <= "\x9f"}


def test_errors_are_readable(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    file = tmp_path / "question.sql"
    file.write_text("-- Which?\nSELECT run\nFROM tda.rum\n", encoding="utf-8")
    result = run_trackstar("sql", file)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        'Error: relation "tda.rum" does not exist', "LINE 3: FROM tda.rum", "             ^"
    ]  # fmt: skip
    two = run_trackstar("sql", "-c", "SELECT 1; DELETE FROM tda.run")
    assert two.returncode == 1
    assert "One statement that reads is taken" in two.stderr
    private = run_trackstar("sql", "-c", "SELECT * FROM trackstar.document")
    assert private.returncode == 1
    assert private.stderr.startswith("Error: permission denied for schema trackstar")
    assert "Readers see the views and functions of schema tda" in private.stderr
    slow = run_trackstar("sql", "--timeout", 0.1, "-c", "SELECT pg_sleep(9)")
    assert slow.returncode == 1
    assert "longer than the 0.1 s" in slow.stderr


def test_what_cannot_be_read_says_so(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    (tmp_path / "bytes.sql").write_bytes(b"SELECT '\xff'")
    for source, says in ((tmp_path / "gone.sql", "No such file"), (tmp_path / "bytes.sql", "no text in UTF-8")):
        result = run_trackstar("sql", source)
        assert result.returncode == 1
        assert says in result.stderr


def test_usage_errors_exit_with_two(run_trackstar: RunTrackstar) -> None:
    for arguments in (["attribution_rate", "-c", "SELECT 1"], ["attribution_rate", "--set", "run"]):
        assert run_trackstar("sql", *arguments).returncode == 2


def test_the_cookbook_is_listed_with_its_questions(run_trackstar: RunTrackstar) -> None:
    shown = run_trackstar("sql", "--list").stdout
    assert (
        "\nattribution_rate\n    How often do the first proponents of a run hold a document that states the fact?\n"
        in shown
    )
    assert "    --set run=demo   the run to look at\n" in shown
    listed = list(map(json.loads, run_trackstar("sql", "--list", "--format", "json").stdout.splitlines()))
    assert [found["name"] for found in listed] == sorted(found["name"] for found in listed)
    assert next(found for found in listed if found["name"] == "proponents_of_a_prompt")["parameters"][2] == {
        "name": "k", "type": "integer", "default": "5", "says": "how many documents"
    }  # fmt: skip


@pytest.mark.parametrize("command", [("sql",), ("export", "sql")])
def test_a_question_about_a_run_that_is_not_there_says_so(
    run_trackstar: RunTrackstar, database_url: str, command: tuple[str, ...]
) -> None:
    asked = (*command, "agreement_of_runs", "--set", "query_set=no\x1b[31mne")
    none = run_trackstar(*asked)
    assert none.returncode == 0
    assert none.stderr.splitlines()[-1] == "Note: there is no query set named 'no\\x1b[31mne'. There is none."
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """WITH s AS (INSERT INTO trackstar.query_set (name) VALUES ('facts') RETURNING query_set_id)
               INSERT INTO trackstar.run (name, method, query_set_id, query_count, document_count, top_k, code_version,
                                          started_at, finished_at)
               SELECT name, 'bm25', query_set_id, 0, 0, 10, '1', now(), now() FROM s, (VALUES ('b'), ('a')) n (name)"""
        )
    notes = run_trackstar(*command, "changed_first_proponents", "--set", "other_run=a").stderr.splitlines()
    assert [line for line in notes if line.startswith("Note")] == [
        "Note: there is no run named 'demo'. There are: a, b."
    ]
    assert "Note" not in run_trackstar(*command, "attribution_rate", "--set", "run=a").stderr
    assert "Note" not in run_trackstar(*command, "-c", "SELECT run FROM tda.run").stderr


def test_a_reader_that_leaves_early_is_no_error(database_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "trackstar_db.cli",
        "sql",
        "-c",
        "SELECT repeat('x', 1000) FROM generate_series(1, 100000)",
    ]
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so where the other end is closed
        return b""


@pytest.mark.slow
def test_a_question_of_the_cookbook_is_answered_by_its_name(
    demo_database_url: str, run_trackstar: RunTrackstar
) -> None:
    asked = ("sql", "attribution_rate", "--format", "json", "--database-url", demo_database_url)
    first = json.loads(run_trackstar(*asked).stdout)
    assert first["queries"] == 338
    assert 0.6 < first["recall_at_k"] < 1
    other = json.loads(run_trackstar(*asked, "--set", "k=1", "--set", "run=demo/bm25").stdout)
    assert other["queries"] == 338
    assert other != first
