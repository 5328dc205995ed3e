"""Loads that are stopped, disturbed or run beside each other end as one undisturbed load."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.schema import initialize
from trackstar_db.errors import ConflictingRecord, UnreadableSource
from trackstar_db.loaders import LoadOptions, LoadSummary, load_documents, load_facts

RECORDS = 25_000
PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three parts."""
    path = tmp_path_factory.mktemp("source") / "large.jsonl"
    with path.open("w") as file:
        for number in range(RECORDS):
            text = f"Document {number} " + "of many words " * (number % 9)
            file.write(json.dumps({"id": number, "text": text, "n": number % 7}) + "\n")
    return path


@pytest.fixture
def start(database_url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `trackstar load ARGUMENTS` beside the test; none outlives it."""
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}
    started = []

    def run(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "trackstar_db.cli", "load", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def counts(summary: LoadSummary) -> tuple[int, ...]:
    return summary.read, summary.inserted, summary.updated, summary.skipped, summary.rejected


def fetch(database: Database, statement: str, parameters: tuple[object, ...] | None = None) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]


def content(database: Database, corpus: str) -> list[Any]:
    """A digest over every row of a corpus in the order of its numbers, and how many there are."""
    return fetch(
        database,
        "SELECT md5(string_agg(md5(row(external_id, text, metadata, content_digest)::text), ''"
        " ORDER BY document_id)), count(*)"
        " FROM trackstar.document JOIN trackstar.corpus USING (corpus_id) WHERE name = %s",
        (corpus,),
    )


def wait_until_parts(database: Database, parts: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while fetch(database, "SELECT count(*) FROM trackstar.load_part")[0][0] < parts:
        assert time.monotonic() < deadline, "the load wrote no part"
        time.sleep(0.01)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_load_killed_in_the_middle_continues_and_ends_as_an_undisturbed_one(
    database: Database, start: Callable[..., subprocess.Popen[str]], large_file: Path, parts: int
) -> None:
    process = start("documents", large_file, "--corpus", "disturbed")
    wait_until_parts(database, parts)
    process.send_signal(signal.SIGKILL)
    process.wait()
    summary = load_documents(database, [large_file], "disturbed")
    assert counts(summary) == (RECORDS, RECORDS, 0, 0, 0)
    undisturbed = load_documents(database, [large_file], "undisturbed")
    assert counts(summary) == counts(undisturbed)
    assert content(database, "disturbed") == content(database, "undisturbed")
    assert fetch(database, "SELECT count(*), count(finished_at) FROM trackstar.load") == [(2, 2)]
    assert fetch(database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'load\\_%' AND relpersistence = 't'") == [
        (0,)
    ]


def test_two_processes_that_load_one_file_wait_for_each_other(
    database: Database, start: Callable[..., subprocess.Popen[str]], large_file: Path
) -> None:
    processes = [start("documents", large_file, "--corpus", "c", "--format", "json") for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    summaries = sorted((json.loads(out) for out, _ in told), key=lambda summary: summary["skipped"])
    assert [(s["inserted"], s["skipped"]) for s in summaries] == [(RECORDS, 0), (0, RECORDS)]
    load_documents(database, [large_file], "alone")
    assert content(database, "c") == content(database, "alone")


def test_two_processes_that_write_the_same_rows_from_two_files_lose_and_double_nothing(
    database: Database, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    facts = [
        {"fact_id": f"f{n}", "entity0": f"e{n}", "entity0_uri": f"Q{n}", "relation": "r",
         "predicate_uri": "P1", "entity1": f"e{n + 1}", "entity1_uri": f"Q{n + 1}",
         "trex_sentences": [f"s{n}"], "prompt0": f"p{n}"}
        for n in range(4000)
    ]  # fmt: skip
    paths = [tmp_path / "forwards.jsonl", tmp_path / "backwards.jsonl"]
    for path, ordered in zip(paths, (facts, facts[::-1]), strict=True):
        path.write_text("\n".join(map(json.dumps, ordered)))
    processes = [start("facts", path, "--query-set", "q", "--format", "json") for path in paths]
    told = [process.communicate(timeout=PATIENCE_SECONDS) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    summaries = [json.loads(out) for out, _ in told]
    assert sum(summary["inserted"] for summary in summaries) == 4000
    assert sum(summary["skipped"] for summary in summaries) == 4000
    assert fetch(
        database,
        "SELECT (SELECT count(*) FROM trackstar.entity), (SELECT count(*) FROM trackstar.fact),"
        " (SELECT count(*) FROM trackstar.query), (SELECT count(*) FROM trackstar.annotation)",
    ) == [(4001, 4000, 4000, 4000)]


def test_a_row_that_another_transaction_writes_first_is_found_there(
    database: Database, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    load_documents(database, [write(tmp_path / "a.jsonl", [{"id": 1, "text": "one"}])], "c")
    path = write(tmp_path / "b.jsonl", [{"id": n, "text": "ours"} for n in (2, 3)])
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)"
            " SELECT corpus_id, '3', 'theirs', content_digest FROM trackstar.document"
        )
        process = start("documents", path, "--corpus", "c", "--format", "json")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not fetch(database, "SELECT FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline, "the load did not wait for our row"
            time.sleep(0.01)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    summary = json.loads(out)
    assert (summary["inserted"], summary["skipped"]) == (1, 1)
    assert "1 records differ from what is stored" in err
    assert fetch(database, "SELECT external_id, text FROM trackstar.document ORDER BY external_id") == [
        ("1", "one"),
        ("2", "ours"),
        ("3", "theirs"),
    ]


def test_a_lost_connection_between_two_parts_does_not_stop_a_load(
    database: Database, start: Callable[..., subprocess.Popen[str]], large_file: Path
) -> None:
    process = start("documents", large_file, "--corpus", "c", "--format", "json")
    wait_until_parts(database, 1)
    session = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    assert fetch(database, session) == [(True,)]
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["inserted"] == RECORDS


def test_a_server_that_goes_away_is_told_in_one_line_and_the_load_continues_later(
    reachable_path: Path, start: Callable[..., subprocess.Popen[str]], large_file: Path
) -> None:
    server = EmbeddedServer(reachable_path / "home", {"fsync": "off"})
    server.start()
    try:
        database = open_database(server.url())
        initialize(database)
        process = start("documents", large_file, "--corpus", "c", "--database-url", server.url())
        wait_until_parts(database, 1)
        server.stop(force=True)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, out) == (1, "")
        assert err.startswith("Error: The database at ")
        assert "Traceback" not in err
        server.start()
        summary = load_documents(database, [large_file], "c")
        assert counts(summary) == (RECORDS, RECORDS, 0, 0, 0)
        assert summary.notices[0].startswith(f"continued a load of {large_file} that had written ")
        assert content(database, "c")[0][1] == RECORDS
        database.close()
    finally:
        server.stop(force=True)


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of ten records."""
    monkeypatch.setattr("trackstar_db.loaders.readers.lines.PART_RECORDS", 10)


@pytest.mark.usefixtures("_small_parts")
def test_a_part_that_changed_since_the_load_was_stopped_is_loaded_again(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [{"id": n, "text": f"Text {n}"} for n in range(25)]
    load_documents(database, [write(tmp_path / "taken.jsonl", [{"id": 22, "text": "taken"}])], "c")
    stop = LoadOptions(on_conflict="error")
    with pytest.raises(ConflictingRecord):
        load_documents(database, [write(path, records)], "c", options=stop)
    assert fetch(database, "SELECT count(*) FROM trackstar.document") == [(21,)]  # two parts, and the taken one
    records[3] = {"id": "new", "text": "Another"}
    records[22] = {"id": 22, "text": "taken"}
    summary = load_documents(database, [write(path, records)], "c", options=stop)
    # part 0 again: one new record and nine that are there; part 1 as it was; part 2: one is there
    assert counts(summary) == (25, 1 + 10 + 4, 0, 9 + 1, 0)
    assert fetch(database, "SELECT count(*) FROM trackstar.document") == [(26,)]


@pytest.mark.usefixtures("_small_parts")
def test_a_continued_load_tells_again_what_it_rejected_before(database: Database, tmp_path: Path) -> None:
    path, rejects = tmp_path / "a.jsonl.gz", tmp_path / "rejects.jsonl"
    texts = ["" if n in (4, 33) else f"Text {n} {os.urandom(200).hex()}" for n in range(40)]
    lines = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(texts))
    whole = gzip.compress(lines.encode())
    path.write_bytes(whole[: len(whole) // 2])
    options = LoadOptions(rejects=rejects)
    with pytest.raises(UnreadableSource):
        load_documents(database, [path], "c", options=options)
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [5]
    path.write_bytes(whole)
    summary = load_documents(database, [path], "c", options=options)
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [5, 34]
    assert (summary.read, summary.rejected) == (40, 2)
    assert fetch(database, "SELECT count(*) FROM trackstar.document") == [(38,)]


@pytest.mark.usefixtures("_small_parts")
def test_a_stopped_load_of_a_file_is_not_continued_under_other_ids(database: Database, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "part.jsonl" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        write(path, [{"text": f"{path.parent.name}{n}"} for n in range(15)])
    whole = paths[0].read_bytes()
    write(paths[0], [{"text": f"a{n}"} for n in range(14)] + [{"id": "x", "text": "new"}])
    load_documents(database, [write(tmp_path / "x.jsonl", [{"id": "x", "text": "old"}])], "c")
    with pytest.raises(ConflictingRecord):
        load_documents(database, [paths[0]], "c", options=LoadOptions("error"))  # one part is written
    paths[0].write_bytes(whole)
    load_documents(database, paths, "c", options=LoadOptions("error"))
    ids = fetch(database, "SELECT external_id FROM trackstar.document WHERE external_id LIKE 'a/%'")
    assert len(ids) == 15


def test_a_finished_load_takes_unfinished_ones_of_its_source_out_of_the_ledger(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    write(path, [{"id": 1, "text": "one"}])
    load_documents(database, [path], "c")
    write(
        path,
        [
            {"id": 0, "text": "zero"},
            *[{"id": n, "text": "t"} for n in range(2, 10_001)],
            {"id": 1, "text": "x"},
        ],
    )
    with pytest.raises(ConflictingRecord):
        load_documents(database, [path], "c", options=LoadOptions("error"))
    unfinished = "SELECT settings->>'on_conflict' FROM trackstar.load WHERE finished_at IS NULL"
    assert fetch(database, unfinished) == [("error",)]
    assert counts(load_documents(database, [path], "c", options=LoadOptions("update"))) == (
        10_001,
        0,
        1,
        10_000,
        0,
    )
    assert fetch(database, unfinished) == []


def test_facts_of_a_stopped_load_are_the_same_as_of_one_that_was_not(database: Database, tmp_path: Path) -> None:
    fact = {
        "relation": "r",
        "predicate_uri": "P1",
        "trex_sentences": ["s"],
        "entity1": "e",
        "entity1_uri": "Q",
    }
    lines = [
        json.dumps({**fact, "fact_id": n, "entity0": f"e{n % 100}", "entity0_uri": f"Q{n % 50}"}) for n in range(500)
    ]
    whole = gzip.compress("\n".join(lines).encode())
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSource):
        load_facts(database, [path])
    path.write_bytes(whole)
    load_facts(database, [path])
    entities = 'SELECT uri, label, aliases FROM trackstar.entity ORDER BY uri COLLATE "C"'
    expected = sorted([("Q", "e", []), *[(f"Q{n}", f"e{n}", [f"e{n + 50}"]) for n in range(50)]])
    assert [(uri, label, sorted(aliases)) for uri, label, aliases in fetch(database, entities)] == expected
    assert fetch(database, "SELECT count(*) FROM trackstar.fact") == [(500,)]


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
