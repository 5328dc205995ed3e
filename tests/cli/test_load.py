"""`trackstar load` as a program: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trackstar_db.database.engine import Database

RunTrackstar = Callable[..., "subprocess.CompletedProcess[str]"]

FACT = {
    "fact_id": "f1", "entity0": "France", "relation": "capital", "entity1": "Paris", "entity0_uri": "Q142",
    "predicate_uri": "P36", "entity1_uri": "Q90", "prompt0": "The capital of France is",
}  # fmt: skip


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def fetch(database: Database, statement: str) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


def test_a_load_prints_one_line_and_tells_the_rest_beside_it(
    database: Database, run_trackstar: RunTrackstar, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", *[{"id": n, "text": "t"} for n in range(1234)], {"id": "e", "text": ""})
    result = run_trackstar("load", "documents", path, "--corpus", "c")
    assert result.returncode == 0
    start, seconds = result.stdout.rstrip("\n").rsplit(" · ", 1)
    assert start == "documents: read 1,235 · inserted 1,234 · updated 0 · skipped 0 · rejected 1"
    assert seconds.endswith(" s")
    assert result.stderr == (
        f"1 records were rejected; the first, line 1235 of {path}: field 'text' is empty; expected text. "
        "Use --rejects FILE to keep them all.\n"
    )
    assert fetch(database, "SELECT count(*) FROM trackstar.document") == [(1234,)]


@pytest.mark.usefixtures("database_url")
def test_every_kind_of_load_has_its_summary_in_json(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    label = {"document_id": "s1", "fact_id": "f1", "is_entailed": True}
    commands = {
        "facts": ("facts", write(tmp_path / "f.jsonl", FACT), "--query-set", "q"),
        "sentences": (
            "sentences",
            write(tmp_path / "s.jsonl", {"sentence_id": "s1", "text": "t", "fact_triples": ["f1"]}),
            "--corpus",
            "c",
        ),
        "queries": (
            "queries",
            write(tmp_path / "q.jsonl", {"prompt": "p", "target": "t"}),
            "--query-set",
            "q",
        ),
        "labels": ("labels", write(tmp_path / "l.jsonl", label), "--labeler", "nli", "--corpus", "c"),
    }
    for kind, arguments in commands.items():
        result = run_trackstar("load", *arguments, "--format", "json")
        assert result.returncode == 0, result.stderr
        summary = json.loads(result.stdout)
        seconds = summary.pop("seconds")
        assert seconds > 0
        nothing = {"updated": 0, "skipped": 0, "rejected": 0, "dry_run": False}
        assert summary == {"kind": kind, "read": 1, "inserted": 1, **nothing}


def test_standard_input_is_json_lines_unless_a_reader_is_named(database: Database, run_trackstar: RunTrackstar) -> None:
    lines = run_trackstar("load", "documents", "-", "--corpus", "c", stdin='{"text": "one"}\n')
    table = run_trackstar("load", "documents", "-", "--corpus", "d", "--reader", "csv", stdin="id,text\n1,two\n")
    assert (lines.returncode, table.returncode) == (0, 0)
    assert fetch(database, "SELECT external_id, text FROM trackstar.document ORDER BY 2") == [
        ("stdin:1", "one"),
        ("1", "two"),
    ]


def test_standard_input_without_ids_is_not_taken_for_what_was_loaded_from_it_before(
    database: Database, run_trackstar: RunTrackstar
) -> None:
    load = ("load", "documents", "-", "--corpus", "c")
    assert run_trackstar(*load, stdin='{"text": "one"}\n').returncode == 0
    assert run_trackstar(*load, stdin='{"text": "one"}\n').returncode == 0
    result = run_trackstar(*load, stdin='{"text": "two"}\n{"text": "three"}\n')
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: stdin:1: its id 'stdin:1' was generated from")
    assert fetch(database, "SELECT text FROM trackstar.document") == [("one",)]


def test_a_dry_run_says_so_and_stores_nothing(database: Database, run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", FACT)
    result = run_trackstar("load", "facts", path, "--query-set", "q", "--dry-run")
    assert result.returncode == 0
    assert result.stdout.startswith("facts: read 1 · inserted 1 ·")
    assert result.stdout.endswith("· dry run: nothing was stored\n")
    assert fetch(database, "SELECT count(*) FROM trackstar.fact") == [(0,)]


@pytest.mark.usefixtures("database_url")
def test_a_load_that_rejects_everything_exits_with_1_and_the_first_reason(
    run_trackstar: RunTrackstar, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.jsonl", {"body": "x"}, {"text": 1})
    result = run_trackstar("load", "documents", path, "--corpus", "c", "--rejects", tmp_path / "r.jsonl")
    assert result.returncode == 1
    assert result.stdout.startswith("documents: read 2 · inserted 0 · updated 0 · skipped 0 · rejected 2 · ")
    assert "Error: nothing was loaded: all 2 records were rejected. The first, line 1 of" in result.stderr
    kept = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [sorted(entry) for entry in kept] == [["line", "reason", "record", "source"]] * 2


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (
            ["documents", "no-such-file.jsonl", "--corpus", "c"],
            1,
            "cannot read no-such-file.jsonl: No such file",
        ),
        (["documents", "no-such-file.jsonl"], 2, "Missing option '--corpus'"),
        (["documents", "--corpus", "c"], 2, "Missing argument 'PATH...'"),
        (["documents", "-", "--corpus", "c", "--limit", "0"], 2, "--limit"),
        (["documents", "-", "--corpus", "c", "--on-conflict", "ignore"], 2, "--on-conflict"),
        (
            ["documents", "-", "--corpus", "c", "--reader", "parquet"],
            1,
            "Parquet cannot be read from standard input",
        ),
        (["documents", "-", "--corpus", " "], 1, "a corpus cannot be named ' '"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line_with_its_exit_code(
    run_trackstar: RunTrackstar, arguments: list[str], code: int, told: str
) -> None:
    result = run_trackstar("load", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("empty_database_url")
def test_a_database_without_the_tables_exits_with_3(run_trackstar: RunTrackstar, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"text": "t"})
    result = run_trackstar("load", "documents", path, "--corpus", "c")
    assert result.returncode == 3
    assert "trackstar init" in result.stderr


@pytest.mark.parametrize("command", ["documents", "sentences", "facts", "queries", "labels"])
def test_every_help_ends_with_an_example(run_trackstar: RunTrackstar, command: str) -> None:
    result = run_trackstar("load", command, "--help")
    assert result.returncode == 0
    assert f"trackstar load {command} " in result.stdout
    assert "--on-conflict" in result.stdout


@pytest.mark.shared
@pytest.mark.slow
def test_t_rex_is_loaded_within_a_minute_and_again_without_inserting(
    database: Database, run_trackstar: RunTrackstar, shared_data: Path
) -> None:
    sentences = ("load", "sentences", shared_data / "trex" / "trex_sentences.jsonl", "--corpus", "trex")
    facts = (
        "load",
        "facts",
        shared_data / "trex" / "trex_facts.jsonl",
        "--query-set",
        "trex",
        "--prompt",
        "prompt0",
    )
    first, again = (
        [json.loads(run_trackstar(*load, "--format", "json").stdout) for load in (sentences, facts)] for _ in "12"
    )
    assert [summary["inserted"] for summary in first] == [57_685, 14_443]
    assert sum(summary["seconds"] for summary in first) <= 60
    assert [(summary["inserted"], summary["skipped"]) for summary in again] == [(0, 57_685), (0, 14_443)]
    everything = (
        "SELECT (SELECT count(*) FROM tda.document), (SELECT count(*) FROM tda.fact),"
        " (SELECT count(*) FROM tda.query), (SELECT count(*) FROM trackstar.annotation)"
    )
    assert fetch(database, everything) == [(57_685, 14_443, 14_443, 62_490)]
    check_facts(database, shared_data)


def check_facts(database: Database, shared_data: Path) -> None:
    """The first, a middle and the last fact: all that their records say, found by SQL on tda."""
    lines = (shared_data / "trex" / "trex_facts.jsonl").read_text(encoding="utf-8").splitlines()
    with database.connect() as connection:
        for line in (lines[0], lines[len(lines) // 2], lines[-1]):
            record = json.loads(line)
            fact = connection.execute(
                "SELECT f.subject, f.relation, f.object, f.subject_uri, f.relation_uri, f.object_uri,"
                " f.prompts[1], f.is_repetition, q.prompt, q.target, f.annotated_documents"
                " FROM tda.fact f JOIN tda.query q USING (fact_id) WHERE fact_id = %s",
                (record["fact_id"],),
            ).fetchone()
            names = (
                "entity0",
                "relation",
                "entity1",
                "entity0_uri",
                "predicate_uri",
                "entity1_uri",
                "prompt0",
            )
            said = [record[name] for name in (*names, "is_repetition", "prompt0", "entity1")]
            assert fact == (*said, len(record["trex_sentences"]))
            texts = connection.execute(
                "SELECT external_id FROM tda.document"
                " JOIN trackstar.annotation ON document_external_id = external_id"
                " WHERE fact_id = %s ORDER BY external_id",
                (record["fact_id"],),
            ).fetchall()
            assert [external_id for (external_id,) in texts] == sorted(record["trex_sentences"])
