"""Lists of a run that was loaded from results: sorted, filtered and averaged by what its records say themselves."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.results_format import FACT, record, write
from trackstar_db.database.engine import Database
from trackstar_db.loaders import load_facts, load_results
from trackstar_db.store import Store
from trackstar_db.viewer import lists
from trackstar_db.viewer.filters import parse_filter
from trackstar_db.viewer.lists import Run, View
from trackstar_db.viewer.means import means
from trackstar_db.viewer.statements import Statements

OLDER = {"model_confidence": 0.45, "fact_frequency": 50, "frequency_bucket": 2}


def records() -> list[dict[str, Any]]:
    """Six by present names, of which the second's fact can be loaded; one by older names; one that says nothing."""
    found = [
        record(
            example_id=f"e{n}", fact_id=f"f{n}", relation=("capital", "river")[n % 2], c4_frequency=10**n,
            **{"8b_confidence": n / 10, "is_8b_correct": n > 2}, proponent_correct=[n == 4, n > 1],
            has_trex_sentence=n != 3,
        )
        for n in range(6)
    ]  # fmt: skip
    return [*found, record(example_id="older", **OLDER), record(example_id="silent")]


@pytest.fixture(params=["read live", "refreshed"])
def imported(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[tuple[Statements, Run]]:
    """The run as a reader sees it, with one of its facts loaded."""
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    load_results(database, [write(tmp_path / "r.jsonl", *records())], "r")
    if request.param == "refreshed":
        Store(database).refresh()
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        run = lists.run(statements, "r")
        assert run.is_refreshed == (request.param == "refreshed")
        yield statements, run


def test_lists_are_sorted_and_filtered_by_the_records_own_fields(imported: tuple[Statements, Run]) -> None:
    statements, run = imported

    def ids(text: str, sort: str = "position") -> list[str]:
        return [query.external_id for query in lists.page(statements, run, View(parse_filter(text), sort)).queries]

    assert ids("", "confidence") == ["e5", "older", "e4", "e3", "e2", "e1", "e0", "silent"]
    assert ids("", "frequency") == ["e5", "e4", "e3", "e2", "older", "e1", "e0", "silent"]
    assert ids("mrr is not empty", "mrr") == ["e4", "e2", "e3", "e5", "e0", "e1"]
    assert ids("correct and confidence > 0.3") == ["e4", "e5"]
    assert ids("bucket = 2") == ["e2", "older"]
    assert ids("not annotated") == ["e3"]
    assert ids("confidence is empty and frequency is empty and correct is empty") == ["silent"]
    assert "e2" in ids('relation = "capital"')
    found = means(statements, run, parse_filter("position > 0"))
    assert found.annotation.mrr == pytest.approx((1 + 0.5 * 3) / 6)
    assert found.annotation.recall_at_10 == pytest.approx(4 / 6)


def test_what_a_loaded_fact_says_holds_where_the_record_is_silent(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", {**FACT, "c4_frequency": 5000})])
    said = [record(fact_id="f1"), record(example_id="e2", fact_id="f1", c4_frequency=7, relation="of the record")]
    load_results(database, [write(tmp_path / "r.jsonl", *said)], "r")
    Store(database).refresh()
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT relation, fact_frequency, frequency_bucket, has_annotated_document, reciprocal_rank "
            "FROM tda.query_overview ORDER BY position"
        ).fetchall()
    assert rows == [("capital", 5000, 4, False, 0), ("capital", 7, 1, False, 0)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (None,) * 8),
        ({"c4_frequency": -3, "c4_frequency_bucket": 9, "8b_confidence": 1.5}, (None, 0, 5, None, 1, None, None, None)),
        ({"c4_frequency": 10**300, "relation": ""}, (None, 9 * 10**18, *(None,) * 6)),
        ({"proponent_correct": [False, None, True, *[True] * 20]}, (*(None,) * 6, 3, 8)),
        ({"proponent_correct": "x", "has_trex_sentence": None}, (None,) * 8),
        ({"proponent_correct": []}, (*(None,) * 7, 0)),
    ],
)
def test_a_record_says_what_it_says_within_range(
    database: Database, said: dict[str, object], expected: tuple[object, ...]
) -> None:
    with database.connect() as connection:
        row = connection.execute("SELECT * FROM tda.imported_record(%s)", (json.dumps(said),)).fetchone()
    assert row == expected


def test_a_random_page_of_few_begins_with_each_as_often(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.viewer.lists.MOST_TRIED", 1)
    random.seed(3)
    records = [record(example_id=f"e{n}") for n in range(1, 61)]
    load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")
    view = View(parse_filter("position in (1, 2, 59)"), size=1)
    begun: Counter[int] = Counter()
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        connection.execute("SELECT setseed(0.5)")
        run = lists.run(statements, "r")
        for _ in range(60):
            cursor = lists.random_page(statements, run, view)
            found = lists.page(statements, run, replace(view, cursor=cursor))
            begun[found.queries[0].position] += 1
            assert (found.before is None) == (found.queries[0].position == 1)
    assert set(begun) == {1, 2, 59}
    assert min(begun.values()) >= 10
