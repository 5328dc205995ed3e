"""What is told of disk, memory and time beforehand, against what the work then takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.conftest import DOCUMENTS as DOCUMENTS_OF_SMALL
from tests.integration.conftest import SmallCorpus, write_small_corpus
from trackstar_db.cli import trackstar
from trackstar_db.cli.base import Context
from trackstar_db.database.engine import Database
from trackstar_db.errors import DiskFull
from trackstar_db.estimates import Estimate, disk
from trackstar_db.estimates.estimate import shown_bytes, shown_seconds
from trackstar_db.store import Store

DOCUMENTS = 1_000


class Stopped(Exception):
    """Raised once the estimate is known."""


def test_the_disk_estimate_is_what_tables_and_indexes_then_grow_by(
    database: Database, tmp_path: Path, small_model_directory: Path
) -> None:
    store = Store(database)
    _, sentences = write_small_corpus(tmp_path, DOCUMENTS)
    store.load_sentences([sentences], corpus="small")
    corpus = SmallCorpus(store, small_model_directory)
    store.create_encoding(replace(corpus.new_encoding(), block_rank=22, blocks=4))
    told: list[Estimate] = []
    before = _table_bytes(database)
    store.encode_documents("small", "small", on_estimate=told.append)
    grown = _table_bytes(database) - before
    (estimate,) = told
    assert estimate.details["documents"] == DOCUMENTS
    assert grown == pytest.approx(estimate.disk_bytes, rel=0.15)
    assert estimate.free_bytes is not None
    with database.connect() as connection:
        (tokens,) = connection.execute("SELECT sum(token_count) FROM tda.document").fetchone() or (0,)
    assert estimate.details["tokens"] == pytest.approx(tokens, rel=0.2)


def test_the_memory_estimate_is_an_upper_bound_that_is_not_absurd(small_corpus: SmallCorpus, database_url: str) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    program = """
import json, sys
from trackstar_db.estimates.estimate import peak_memory
from trackstar_db.store import Store
told = []
with Store.open(sys.argv[1]) as store:
    store.encode_documents("small", "small", on_estimate=told.append)
print(json.dumps([told[0].memory_bytes, peak_memory()]))
"""
    run = subprocess.run([sys.executable, "-c", program, database_url], capture_output=True, text=True, check=True)
    estimated, taken = json.loads(run.stdout)
    assert taken <= estimated <= 1.6 * taken


@pytest.mark.parametrize("width", [16, 484, 996, 1936, 3872, 4056])
def test_the_share_of_a_page_that_a_gradient_takes_is_postgresqls(database: Database, width: int) -> None:
    rows = 200
    with database.connect() as connection:
        connection.execute("CREATE TABLE page (a bigint, b bigint, gradient halfvec)")
        connection.execute("ALTER TABLE page ALTER COLUMN gradient SET STORAGE PLAIN")
        fill = "INSERT INTO page SELECT n, n, array_fill(1, ARRAY[%s])::halfvec FROM generate_series(1, %s) n"
        connection.execute(fill, (width, rows))
        (taken,) = connection.execute("SELECT pg_relation_size('page')").fetchone() or (0,)
    assert taken == pytest.approx(rows * disk.table_row(16 + 8 + 2 * width), abs=disk.PAGE)


def test_a_dry_run_prints_the_estimate_and_writes_nothing(
    small_corpus: SmallCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    small_corpus.encode()
    small_corpus.store.create_encoding(small_corpus.new_encoding("other"))
    before = _rows(small_corpus.store.database)
    for command in (
        ["encode", "documents", "--encoding", "other", "--corpus", "small"],
        ["encoding", "create", "third", "--corpus", "small", "--model", str(small_corpus.model)],
        ["task", "create", "new", "--encoding", "small", "--query-set", "facts"],
        ["attribute", "--encoding", "small", "--query-set", "facts", "--run", "first", "--method", "trackstar"],
    ):
        _trackstar(small_corpus, *command, "--dry-run", "--format", "json")
        record = json.loads(capsys.readouterr().out)
        assert record["disk_bytes"] > 0
        assert record["memory_bytes"] > 2**20
        assert record["seconds"] > 0
        assert record["documents"] == DOCUMENTS_OF_SMALL
    assert _rows(small_corpus.store.database) == before


def test_the_estimate_is_a_table_for_people_and_a_short_run_says_nothing(
    small_corpus: SmallCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    encode = ["encode", "documents", "--encoding", "small", "--corpus", "small"]
    _trackstar(small_corpus, *encode, "--dry-run")
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed][-3:] == ["disk", "memory", "time"]
    _trackstar(small_corpus, *encode)
    assert capsys.readouterr().err == ""


def test_what_the_disk_cannot_hold_is_refused_and_says_what_to_do(small_corpus: SmallCorpus) -> None:
    small_corpus.store.create_encoding(small_corpus.new_encoding())

    def with_little_room(estimate: Estimate) -> None:
        replace(estimate, disk_bytes=8 * 2**30, log_bytes=2**30, free_bytes=2**30).require_disk()

    with pytest.raises(DiskFull, match=r"needs 9\.0 GiB .* 1\.0 GiB of it log .* 1\.0 GiB are free.*Make room"):
        small_corpus.store.encode_documents("small", "small", on_estimate=with_little_room)
    assert _rows(small_corpus.store.database)["encoded_document"] == 0


def test_a_server_elsewhere_is_never_refused(small_corpus: SmallCorpus) -> None:
    told: list[Estimate] = []
    small_corpus.store.create_encoding(small_corpus.new_encoding(), on_estimate=told.append)
    elsewhere = replace(told[0], free_bytes=None, disk_bytes=2**60)
    elsewhere.require_disk()
    assert "the server is elsewhere" in elsewhere.shown()["disk"]


def test_free_space_is_that_of_the_data_directory_and_unknown_to_those_who_may_not_know(database: Database) -> None:
    with database.connect() as connection:
        (directory,) = connection.execute("SELECT current_setting('data_directory')").fetchone() or ("",)
        space = os.statvfs(directory)
        assert disk.free_bytes(connection) == pytest.approx(space.f_bavail * space.f_frsize, rel=0.05)
        connection.execute("SET LOCAL ROLE tda_reader")
        assert disk.free_bytes(connection) is None


def test_figures_are_shown_in_units_that_people_read() -> None:
    assert [shown_bytes(n) for n in (12, 2**20, 150 * 2**20, 8.4 * 2**30)] == [
        "12 bytes",
        "1.0 MiB",
        "150 MiB",
        "8.4 GiB",
    ]
    assert [shown_seconds(s) for s in (0.24, 42.4, 600, 8460, 86400 * 3.1)] == [
        "0.2 s", "42 s", "10 min", "2 h 21 min", "3.1 days",
    ]  # fmt: skip


def _trackstar(corpus: SmallCorpus, *arguments: str) -> None:
    """Run a command in this process, on the corpus's database."""
    context = Context()
    context.store = corpus.store
    trackstar.main(arguments, "trackstar", standalone_mode=False, obj=context)


def _table_bytes(database: Database) -> int:
    """Bytes of every private table with its indexes."""
    with database.connect() as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = 'trackstar'::regnamespace"
        ).fetchone()
    return int(row[0]) if row else 0


def _rows(database: Database) -> dict[str, int]:
    """How many rows each private table has."""
    with database.connect() as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'trackstar'::regnamespace"
        ).fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(f'SELECT count(*) FROM trackstar."{name}"').fetchone()  # noqa: S608
            counts[name] = row[0] if row else 0
    return counts
