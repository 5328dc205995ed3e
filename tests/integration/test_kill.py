"""kill -9 at random moments, and several processes at once: the rows end up as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import write_small_corpus
from trackstar_db.database.engine import Database, open_database

pytestmark = pytest.mark.timeout(900)

MOMENTS = 10
DOCUMENTS = 25_000
ENCODED_DOCUMENTS = 1_500
DEADLINE_SECONDS = 120

LOADED = """
    SELECT (SELECT md5(string_agg(d::text, '|' ORDER BY external_id))
            FROM (SELECT c.name, external_id, text, metadata, content_digest
                  FROM trackstar.document JOIN trackstar.corpus c USING (corpus_id)) d),
           (SELECT md5(string_agg(a::text, '|' ORDER BY a)) FROM trackstar.annotation a),
           (SELECT count(*) FROM trackstar.load WHERE finished_at IS NULL),
           (SELECT sum(inserted) FROM trackstar.load_part)"""
ENCODED = """
    SELECT md5(string_agg(d.external_id || e.outcome || e.token_count || g.gradient::text, '|' ORDER BY d.external_id)),
           count(*), count(g.gradient)
    FROM trackstar.encoded_document e JOIN trackstar.document d USING (document_id)
    LEFT JOIN trackstar.gradient g USING (encoding_id, document_id)"""


def ask(database: Database, statement: str) -> tuple[object, ...]:
    with database.connect() as connection:
        return connection.execute(statement).fetchone() or ()  # type: ignore[call-overload, no-any-return]


def start(url: str, *arguments: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": url}
    command = [sys.executable, "-m", "trackstar_db.cli", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> bytes:
    output, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, errors.decode()
    return output


def kill_after(process: subprocess.Popen[bytes], is_time: Callable[[], bool], delay: float) -> bool:
    """kill -9 a little after a moment in the database; whether the process was still at work."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_time() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(delay)
    was_running = process.poll() is None
    process.kill()
    process.communicate()
    return was_running and process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_corpus(tmp_path_factory.mktemp("kill"), DOCUMENTS)[1]


@pytest.mark.slow
def test_a_load_killed_at_random_moments_ends_as_an_undisturbed_one(
    database_url: str, make_database_url: Callable[[], str], sentences: Path
) -> None:
    load = ("load", "sentences", sentences, "--corpus", "c")
    finish(start(database_url, *load))
    undisturbed = open_database(database_url)
    expected = ask(undisturbed, LOADED)
    assert expected[2:] == (0, DOCUMENTS)
    undisturbed.close()
    rng = random.Random(0)
    hits = 0
    for _ in range(MOMENTS):
        url = make_database_url()
        database = open_database(url)
        parts = rng.randint(0, 2)
        process = start(url, *load)
        # A load opens its ledger first, then writes a part at a time.
        at = f"SELECT count(*) > 0 AND (SELECT count(*) FROM trackstar.load_part) >= {parts} FROM trackstar.load"  # noqa: S608
        hits += kill_after(process, lambda database=database, at=at: bool(ask(database, at)[0]), rng.uniform(0, 0.2))
        finish(start(url, *load))
        assert ask(database, LOADED) == expected
        database.close()
    assert hits >= MOMENTS // 2  # most of them hit a load at work


@pytest.fixture(scope="module")
def prepare(small_model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    path = write_small_corpus(tmp_path_factory.mktemp("kill"), ENCODED_DOCUMENTS)[1]

    def load_and_create(url: str) -> None:
        finish(start(url, "load", "sentences", path, "--corpus", "c"))
        create = ("--model", small_model_directory, "--corpus", "c", "--block-rank", 4, "--sample", 200)
        finish(start(url, "encoding", "create", "e", *create))

    return load_and_create


ENCODE = ("encode", "documents", "--encoding", "e", "--corpus", "c", "--format", "json")


@pytest.mark.slow
def test_an_encoding_killed_at_random_moments_ends_as_an_undisturbed_one(
    database_url: str, make_database_url: Callable[..., str], prepare: Callable[[str], None]
) -> None:
    prepare(database_url)
    copies = [make_database_url(copy_of=database_url) for _ in range(MOMENTS)]
    finish(start(database_url, *ENCODE))
    undisturbed = open_database(database_url)
    expected = ask(undisturbed, ENCODED)
    assert expected[1:] == (ENCODED_DOCUMENTS, ENCODED_DOCUMENTS)
    undisturbed.close()
    rng = random.Random(0)
    hits = 0
    for url in copies:
        database = open_database(url)
        written = rng.randrange(ENCODED_DOCUMENTS - 200)
        at = f"SELECT count(*) > {written} FROM trackstar.encoded_document"  # noqa: S608
        is_time = lambda database=database, at=at: bool(ask(database, at)[0])  # noqa: E731
        hits += kill_after(start(url, *ENCODE), is_time, rng.uniform(0, 0.05))
        finish(start(url, *ENCODE))
        assert ask(database, ENCODED) == expected
        database.close()
    assert hits >= MOMENTS // 2


@pytest.mark.slow
def test_two_processes_divide_the_encoding_of_one_corpus(
    database_url: str, make_database_url: Callable[..., str], prepare: Callable[[str], None]
) -> None:
    prepare(database_url)
    both = make_database_url(copy_of=database_url)
    finish(start(database_url, *ENCODE))
    processes = [start(both, *ENCODE) for _ in range(2)]
    summaries = [json.loads(finish(process)) for process in processes]
    assert sum(summary["stored"] for summary in summaries) == ENCODED_DOCUMENTS
    alone, together = open_database(database_url), open_database(both)
    assert ask(together, ENCODED) == ask(alone, ENCODED)
    alone.close()
    together.close()


@pytest.mark.slow
def test_a_run_killed_in_its_middle_leaves_nothing_behind(
    database_url: str, prepare: Callable[[str], None], write_queries: Path
) -> None:
    prepare(database_url)
    finish(start(database_url, *ENCODE))
    finish(start(database_url, "load", "queries", write_queries, "--query-set", "q"))
    finish(start(database_url, "encode", "queries", "--encoding", "e", "--query-set", "q"))
    database = open_database(database_url)
    run = ("attribute", "--encoding", "e", "--query-set", "q", "--run", "r", "--top-k", 1000)
    is_writing = "SELECT count(*) > 0 FROM pg_stat_progress_copy WHERE datname = current_database()"
    kill_after(start(database_url, *run), lambda: bool(ask(database, is_writing)[0]), 0.01)
    assert ask(database, "SELECT (SELECT count(*) FROM trackstar.run), (SELECT count(*) FROM trackstar.proponent)") in [
        (0, 0),
        (1, 100 * 2 * 1000),  # it was quicker than the signal
    ]
    database.close()


@pytest.fixture
def write_queries(tmp_path: Path) -> Path:
    path = tmp_path / "queries.jsonl"
    rows = ({"id": f"q{n}", "prompt": f"the {n} king of", "target": "Rome"} for n in range(100))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
