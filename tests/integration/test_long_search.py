"""Searches of many gradients: in groups of queries, by several ways of reading, interrupted and continued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pytest
import torch

from tests.integration.conftest import SmallCorpus
from trackstar_db.database.engine import Database
from trackstar_db.encoding.encodings import load_encoding
from trackstar_db.encoding.gradient_reader import GradientReader
from trackstar_db.errors import InputError, NotFound
from trackstar_db.search.ranking import Strongest
from trackstar_db.search.request import SearchOptions

ROWS = """SELECT p.query_id, direction, rank, document_id, influence FROM trackstar.proponent p
          JOIN trackstar.run USING (run_id) WHERE name = %s ORDER BY 1, 2, 3"""
ANNOTATED = """SELECT document_id FROM tda.annotation JOIN tda.fact USING (fact_id) WHERE relation = 'capital'"""
DEADLINE_SECONDS = 120

# Saves after each span of a few documents.
SLOW_SEARCH = """
import sys
from trackstar_db.encoding import gradient_reader
from trackstar_db.search import unfinished
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store
gradient_reader.BLOCK_ROWS, unfinished.SAVE_SECONDS, unfinished.SHARE_OF_SAVING = 64, 0, 1e9
with Store.open() as store:
    print(*store.attribute("small", "facts", sys.argv[1], "trackstar", SearchOptions(top_k=20)).notices)
"""


def ask(database: Database, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]


def do(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture
def encoded(small_corpus: SmallCorpus) -> SmallCorpus:
    small_corpus.encode()
    return small_corpus


@pytest.fixture
def interrupted(encoded: SmallCorpus, database: Database, monkeypatch: pytest.MonkeyPatch) -> SmallCorpus:
    """A search for run `first` was stopped by the server when it saved for the third time, after 20 documents."""
    monkeypatch.setattr("trackstar_db.encoding.gradient_reader.BLOCK_ROWS", 10)
    monkeypatch.setattr("trackstar_db.search.unfinished.SAVE_SECONDS", 0)
    monkeypatch.setattr("trackstar_db.search.unfinished.SHARE_OF_SAVING", 1e9)
    do(
        database,
        """CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN RAISE EXCEPTION ''stopped'' USING ERRCODE = ''query_canceled''; END';
           CREATE TRIGGER stop BEFORE UPDATE ON trackstar.search FOR EACH ROW WHEN (NEW.documents_read > 20)
           EXECUTE FUNCTION stop()""",
    )
    with pytest.raises(psycopg.errors.QueryCanceled):
        encoded.store.attribute("small", "facts", "first", options=SearchOptions(top_k=7))
    do(database, "DROP TRIGGER stop ON trackstar.search")
    assert ask(database, "SELECT run, documents_read, documents FROM trackstar.search") == [("first", 20, 60)]
    assert ask(database, "SELECT count(*) FROM tda.run") == [(0,)]
    return encoded


def test_an_interrupted_search_goes_on_and_finds_what_an_undisturbed_one_finds(
    interrupted: SmallCorpus, database: Database
) -> None:
    summary = interrupted.store.attribute("small", "facts", "first", options=SearchOptions(top_k=7))
    assert summary.notices == ("went on behind 20 documents that an interrupted search had read",)
    assert summary.documents == 60
    interrupted.store.attribute("small", "facts", "whole", options=SearchOptions(top_k=7))
    assert ask(database, ROWS, ("first",)) == ask(database, ROWS, ("whole",))
    assert ask(database, "SELECT count(*) FROM trackstar.search") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trackstar.encoded_document SET token_count = 3 WHERE document_id = 2",
        "DELETE FROM trackstar.query_gradient WHERE query_id = 3",
    ],
)
def test_a_search_starts_over_where_what_it_reads_is_not_what_it_was(
    interrupted: SmallCorpus, database: Database, change: str
) -> None:
    do(database, change)
    summary = interrupted.store.attribute("small", "facts", "first", options=SearchOptions(top_k=7))
    assert any("queries, encodings or settings are others now, so it started over" in n for n in summary.notices)
    interrupted.store.attribute("small", "facts", "whole", options=SearchOptions(top_k=7))
    assert ask(database, ROWS, ("first",)) == ask(database, ROWS, ("whole",))


def test_other_settings_start_a_search_over(interrupted: SmallCorpus) -> None:
    summary = interrupted.store.attribute("small", "facts", "first", options=SearchOptions(top_k=8))
    assert "so it started over" in summary.notices[-1]
    assert summary.proponents == 12 * 2 * 8


def test_an_unfinished_search_is_shown_and_can_be_dropped(
    interrupted: SmallCorpus, run_trackstar: Callable[..., Any], database: Database, database_url: str
) -> None:
    shown = run_trackstar("status").stdout
    assert "search for run first, 20 of 60 documents. The same trackstar attribute goes on" in shown
    assert run_trackstar("run", "drop", "first", "--yes").returncode == 0
    tables = "SELECT (SELECT count(*) FROM trackstar.search), (SELECT count(*) FROM trackstar.search_tensor)"
    assert ask(database, tables) == [(0, 0)]
    with pytest.raises(NotFound):
        interrupted.store.drop_run("first")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_search_ends_as_an_undisturbed_one(
    encoded: SmallCorpus, database: Database, database_url: str
) -> None:
    with database.connect() as connection:  # copies of stored gradients, far quicker than encoding
        for statement in (
            """INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
               SELECT corpus_id, 'copy' || document_id || '-' || n, 'copy' || document_id, content_digest
               FROM trackstar.document, generate_series(1, 100) n""",
            """INSERT INTO trackstar.encoded_document
               SELECT 1, document_id, 'stored', 2, false, 1 FROM trackstar.document WHERE text LIKE 'copy%'""",
            """INSERT INTO trackstar.gradient
               SELECT 1, d.document_id, g.gradient
               FROM trackstar.document d JOIN trackstar.gradient g ON d.text = 'copy' || g.document_id""",
        ):
            connection.execute(statement)  # type: ignore[call-overload]
    environment = {**os.environ, "TRACKSTAR_DATABASE_URL": database_url}

    def start(run: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SLOW_SEARCH, run]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    killed = start("killed")
    deadline = time.monotonic() + DEADLINE_SECONDS
    read = "SELECT count(*) FROM trackstar.search WHERE documents_read > 1500"
    while ask(database, read) == [(0,)] and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert ask(database, "SELECT count(*) FROM tda.run") == [(0,)]
    output, _ = start("killed").communicate(timeout=DEADLINE_SECONDS)
    assert "went on behind" in output
    start("undisturbed").communicate(timeout=DEADLINE_SECONDS)
    assert ask(database, ROWS, ("killed",)) == ask(database, ROWS, ("undisturbed",))
    assert ask(database, "SELECT count(*), count(DISTINCT document_id) FROM trackstar.task_document") == [
        (60 * 101, 60 * 101)
    ]


def test_gradients_are_the_same_with_and_without_the_cast_to_bytes(encoded: SmallCorpus, database: Database) -> None:
    def read() -> list[np.ndarray]:
        with database.connect() as connection:
            reader = GradientReader(connection, load_encoding(connection, "small"))
            assert reader.copy.is_bytes == has_cast
            return [part for block in reader.blocks() for part in (block.document_ids, block.gradients, block.norms)]

    has_cast = True
    fast = read()
    do(database, "DROP CAST (halfvec AS bytea)")
    has_cast = False
    for ours, theirs in zip(fast, read(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    encoded.store.attribute("small", "facts", "without", options=SearchOptions(top_k=5))
    do(database, "CREATE CAST (halfvec AS bytea) WITHOUT FUNCTION")
    encoded.store.attribute("small", "facts", "with", options=SearchOptions(top_k=5))
    assert ask(database, ROWS, ("with",)) == ask(database, ROWS, ("without",))


def test_queries_in_groups_find_what_they_find_together(
    encoded: SmallCorpus, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SearchOptions(top_k=9)
    encoded.store.attribute("small", "facts", "together", "trackstar", options)
    monkeypatch.setattr("trackstar_db.search.gradient_pass.PASS_BYTES", 5 * (8 * 64 + 60 * 9))  # five at once
    monkeypatch.setattr("trackstar_db.search.gradient_pass.SCORES_AT_ONCE", 35)  # seven documents at once
    summary = encoded.store.attribute("small", "facts", "grouped", "trackstar", options)
    assert (summary.queries, summary.documents) == (12, 60)
    together, grouped = (ask(database, ROWS, (run,)) for run in ("together", "grouped"))
    assert [row[:4] for row in grouped] == [row[:4] for row in together]
    np.testing.assert_allclose([row[4] for row in grouped], [row[4] for row in together], atol=1e-6)
    assert ask(database, "SELECT count(*) FROM trackstar.search") == [(0,)]


def test_a_search_writes_the_norms_that_documents_lack_under_its_task(encoded: SmallCorpus, database: Database) -> None:
    encoded.store.create_task("made", "small", "facts", mixing_lambda=0.5)
    norms = "SELECT document_id, norm FROM trackstar.task_document ORDER BY 1"
    made = ask(database, norms)
    do(database, "DELETE FROM trackstar.task_document WHERE document_id > 20")
    encoded.store.attribute("small", "facts", "first", "trackstar", SearchOptions(task="made"))
    assert len(made) == 60
    assert ask(database, norms) == made
    do(database, "DELETE FROM trackstar.task_document")
    relation = SearchOptions(task="made", relation="capital")
    encoded.store.attribute("small", "facts", "of one relation", "trackstar", relation)
    assert ask(database, norms) == made  # those of documents that it does not rank too


def test_a_search_ranks_the_documents_of_a_relation_or_with_metadata_alone(
    encoded: SmallCorpus, database: Database
) -> None:
    do(database, """UPDATE trackstar.document SET metadata = '{"kind": "even"}' WHERE document_id % 2 = 0""")
    annotated = {n for (n,) in ask(database, ANNOTATED)}
    cases = (
        ("relation", SearchOptions(relation="capital"), annotated),
        ("metadata", SearchOptions(metadata={"kind": "even"}), {n for n in range(1, 61) if n % 2 == 0}),
    )
    encoded.store.attribute("small", "facts", "all", options=SearchOptions(top_k=60))
    for run, options, expected in cases:
        assert encoded.store.attribute("small", "facts", run, options=options).documents == len(expected)
        of_all = [(q, d, n, s) for q, d, _, n, s in ask(database, ROWS, ("all",)) if n in expected]
        found = [(q, d, n, s) for q, d, _, n, s in ask(database, ROWS, (run,))]
        assert [row[:3] for row in found] == [row[:3] for row in of_all]
        np.testing.assert_allclose([row[3] for row in found], [row[3] for row in of_all], atol=1e-6)
    with pytest.raises(NotFound, match="no relation has the label or uri 'mayor'; the database has: capital, river"):
        encoded.store.attribute("small", "facts", "none", options=SearchOptions(relation="mayor"))
    with pytest.raises(InputError, match="has no use for relation"):
        encoded.store.attribute("small", "facts", "none", "bm25", SearchOptions(relation="capital"))


@pytest.mark.parametrize("top_k", [1, 15, 200, 3000])
def test_the_strongest_and_the_weakest_are_those_of_a_full_sort(top_k: int) -> None:
    scores = torch.randn(4, 2000, generator=torch.Generator().manual_seed(1)).round(decimals=2)  # with many ties
    scores[:, ::7] = -torch.inf
    for sign in (1, -1):
        strongest = Strongest(4, top_k, sign)
        for start in range(0, 2000, 130):
            block = scores[:, start : start + 130]
            strongest.add(np.arange(start, start + block.shape[1]), block)
        ranking = strongest.ranking()
        for row in range(4):
            there = [n for n in range(2000) if scores[row, n] > -torch.inf]
            expected = sorted(there, key=lambda n: (-sign * scores[row, n].item(), n))[:top_k]
            assert [number for number, _ in ranking.rows(row)] == expected
