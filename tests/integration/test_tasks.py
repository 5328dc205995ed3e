"""Tasks: a query set's own R over stored gradients, kept, completed, and read by SQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.database.engine import Database
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, EncodingMismatch, InputError, InUse, NotFound
from trackstar_db.search import attribute as search
from trackstar_db.search import gradient_search
from trackstar_db.search.request import Found, SearchOptions, SearchRequest
from trackstar_db.store import Store

GRADIENTS = "SELECT md5(string_agg(gradient::text, '|' ORDER BY document_id)) FROM trackstar.gradient"


def ask(database: Database, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def encoded(small_corpus: SmallCorpus) -> SmallCorpus:
    small_corpus.encode()
    return small_corpus


def test_a_task_is_made_by_the_command_and_rewrites_no_gradient(
    encoded: SmallCorpus, run_trackstar: Callable[..., Any], database: Database, database_url: str
) -> None:
    before = ask(database, GRADIENTS)
    made = run_trackstar(
        "task", "create", "facts-own", "--encoding", "small", "--query-set", "facts", "--format", "json"
    )
    assert made.returncode == 0, made.stderr
    record = json.loads(made.stdout)
    assert record["lambda_from"] == "spectra"
    assert record["ranks"] == [12, 12, 12, 12]  # twelve queries, sixteen directions
    assert "has rank 12 of 16 in a block: it says nothing of the other directions" in made.stderr
    assert ask(database, GRADIENTS) == before
    assert ask(database, "SELECT task, queries, lowest_rank, block_width FROM tda.task") == [("facts-own", 12, 12, 16)]
    counts = "SELECT (SELECT count(*) FROM trackstar.task_query), (SELECT count(*) FROM trackstar.task_document)"
    assert ask(database, counts) == [(12, 60)]
    assert run_trackstar("task", "list").stdout.count("facts-own") == 1
    assert run_trackstar("task", "drop", "facts-own", "--yes").returncode == 0
    assert ask(database, counts) == [(0, 0)]


def test_nearest_under_a_task_is_its_run(encoded: SmallCorpus, database: Database) -> None:
    encoded.store.create_task("own", "small", "facts")
    encoded.store.attribute("small", "facts", "first", "trackstar", SearchOptions(top_k=10, task="own"))
    run = (
        "SELECT document_id, influence FROM tda.proponent WHERE query_id = %s AND direction = 'proponent' ORDER BY rank"
    )
    for (query_id,) in ask(database, "SELECT query_id FROM tda.query"):
        stored = ask(database, run, (query_id,))
        found = ask(database, "SELECT document_id, influence FROM tda.nearest(%s, 10, task => 'own')", (query_id,))
        assert {number for number, _ in found} == {number for number, _ in stored}
        assert [score for _, score in found] == pytest.approx([score for _, score in stored], abs=2e-3)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="query 1 is not in a task 'other'"):
        ask(database, "SELECT * FROM tda.nearest(1, 10, task => 'other')")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="'own' is under encoding 'small', not under 'big'"):
        ask(database, "SELECT * FROM tda.nearest(1, 10, 'big', 'own')")


def test_what_is_encoded_later_takes_part_under_the_same_matrix(
    encoded: SmallCorpus, database: Database, write_records: WriteRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.encoding.gradient_reader.BLOCK_ROWS", 25)  # two blocks with nothing new
    store = encoded.store
    store.attribute("small", "facts", "before", "trackstar", SearchOptions(top_k=60))
    matrix = ask(database, "SELECT md5(string_agg(data::text, '|' ORDER BY name)) FROM trackstar.task_tensor")
    store.load_documents([write_records("m.jsonl", [{"id": "late", "text": "Rome by the sea"}])], corpus="small")
    store.load_queries([write_records("q.jsonl", [{"id": "q", "prompt": "the king", "target": "was"}])], "facts")
    store.encode_documents("small", "small")
    store.encode_queries("small", "facts")
    summary = store.attribute("small", "facts", "after", "trackstar", SearchOptions(top_k=61))
    assert (summary.queries, summary.documents) == (13, 61)
    assert ask(database, "SELECT md5(string_agg(data::text, '|' ORDER BY name)) FROM trackstar.task_tensor") == matrix
    same = """SELECT max(abs(a.influence - b.influence)), count(*) FROM tda.proponent a
              JOIN tda.proponent b USING (query_id, direction, document_id)
              WHERE a.run = 'before' AND b.run = 'after' AND direction = 'proponent'"""
    difference, pairs = ask(database, same)[0]
    assert pairs == 12 * 60
    assert difference < 1e-6
    store.load_queries([write_records("r.jsonl", [{"id": "r", "prompt": "the sea", "target": "is"}])], "facts")
    store.encode_queries("small", "facts")
    assert store.attribute("small", "facts", "one query more", "trackstar").queries == 14


def test_two_runs_at_once_make_one_task(
    encoded: SmallCorpus, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet, ranked = Barrier(2, timeout=60), gradient_search.rank_by_gradients

    def rank_together(request: SearchRequest) -> Found:
        meet.wait()  # both have begun before either has ranked
        return ranked(request)

    def attribute(run: str) -> int:
        with Store.open(database_url) as store:
            return store.attribute("small", "facts", run, "trackstar", SearchOptions(top_k=5)).queries

    monkeypatch.setattr(search, "RANKERS", {**search.RANKERS, "gradient": rank_together})
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(attribute, ["first", "second"])) == [12, 12]
    assert ask(database, "SELECT task FROM tda.run ORDER BY run") == [("small/facts",), ("small/facts",)]
    assert ask(database, "SELECT count(*) FROM trackstar.task_document") == [(60,)]


def test_a_new_text_takes_its_part_of_the_task_away(encoded: SmallCorpus, database: Database) -> None:
    encoded.store.create_task("own", "small", "facts")
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.document SET text = 'Rome' WHERE document_id = 3")
        connection.execute("UPDATE trackstar.query SET target = 'Rome' WHERE query_id = 5")
    left = "SELECT (SELECT count(*) FROM trackstar.task_document), (SELECT count(*) FROM trackstar.task_query)"
    assert ask(database, left) == [(59, 11)]


def test_what_does_not_fit_is_said(encoded: SmallCorpus, write_records: WriteRecords) -> None:
    store = encoded.store
    store.create_task("own", "small", "facts", mixing_lambda=0.25)
    with pytest.raises(AlreadyExists, match="a task named 'own' is there already"):
        store.create_task("own", "small", "facts")
    with pytest.raises(InputError, match=r"mixing lambda is 1\.0; expected a number from 0 to below 1"):
        store.create_task("one", "small", "facts", mixing_lambda=1.0)
    store.load_queries([write_records("q.jsonl", [{"id": "q", "prompt": "the king", "target": "was"}])], "others")
    with pytest.raises(EncodingIncomplete, match="encode queries --encoding small --query-set others"):
        store.create_task("others", "small", "others")
    store.encode_queries("small", "others")
    with pytest.raises(
        EncodingMismatch, match="'own' is for query set 'facts' under encoding 'small', not for 'others'"
    ):
        store.attribute("small", "others", "run", "trackstar", SearchOptions(task="own"))
    with pytest.raises(NotFound, match="no task named 'nobody'; the database has: own"):
        store.attribute("small", "facts", "run", "trackstar", SearchOptions(task="nobody"))
    store.attribute("small", "facts", "run", "trackstar", SearchOptions(task="own"))
    with pytest.raises(InUse, match="'own' is what these runs stand on: run"):
        store.drop_task("own")


def test_queries_that_are_no_facts_have_their_own_matrix_only_when_asked(
    encoded: SmallCorpus, database: Database, write_records: WriteRecords
) -> None:
    store = encoded.store
    sums = [{"id": f"q{n}", "prompt": f"the sum of {n} and 1 is", "target": str(n + 1)} for n in range(4)]
    store.load_queries([write_records("q.jsonl", sums)], "sums")
    store.encode_queries("small", "sums")
    done = store.attribute_all(["small"], "sums", "sums", options=SearchOptions(top_k=3))
    assert [summary.method for summary in done.runs] == ["less", "trackstar_train", "ekfac", "bm25"]
    assert any(
        "trackstar was left out: its task-specific R is for queries of facts" in notice for notice in done.notices
    )
    summary = store.attribute("small", "sums", "own", "trackstar", SearchOptions(top_k=3))
    assert summary.queries == 4
    assert ask(database, "SELECT task FROM tda.run WHERE run = 'own'") == [("small/sums",)]
