"""Lists of a run that was loaded from results: sorted, filtered and averaged by what its records say themselves."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.judged_runs import write_judged_runs
from tests.integration.results_format import FACT, record, write
from tests.integration.runs import run_named
from trackstar_db.database.engine import Database
from trackstar_db.export import results
from trackstar_db.loaders import load_facts, load_results
from trackstar_db.store import Store
from trackstar_db.viewer import downloads, heat_maps, lists
from trackstar_db.viewer.escapes import readable_json
from trackstar_db.viewer.filters import clause, parse_filter
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
        run = run_named(statements, "r")
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


@pytest.mark.parametrize("sort", ["ais", "mrr", "confidence", "frequency"])
@pytest.mark.parametrize("size", [1, 3])
def test_pages_forward_and_back_go_on_among_queries_without_a_value(
    imported: tuple[Statements, Run], sort: str, size: int
) -> None:
    statements, run = imported
    column = {"ais": "best_ais_score", "mrr": "reciprocal_rank", "frequency": "fact_frequency"}.get(sort, sort)
    expected = lists.page(statements, run, View()).queries
    values = {query.query_id: getattr(query, column) for query in expected}
    assert list(values.values()).count(None) == {"ais": 8, "mrr": 2}.get(sort, 1)
    expected.sort(key=lambda query: (values[query.query_id] is None, -(values[query.query_id] or 0), query.query_id))
    view = View(sort=sort, size=size)
    forward, page = [], lists.page(statements, run, view)
    while True:
        forward += page.queries
        if page.after is None:
            break
        page = lists.page(statements, run, replace(view, cursor=page.after))
    back = page.queries
    while page.before is not None:
        page = lists.page(statements, run, replace(view, cursor=page.before))
        back = page.queries + back
    assert forward == back == expected


def test_a_list_is_the_same_before_and_after_a_refresh(database: Database, tmp_path: Path) -> None:
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    load_results(database, [write(tmp_path / "r.jsonl", *records())], "r")
    with database.connect() as connection:
        connection.execute(
            """INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
               VALUES ('its own', '', 1, '{}', sha256('own')), ('another', '', 1, '{}', sha256('another'));
               INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe,
                                               digest)
               SELECT 'e', model_id, 1, 1, 1, 'none', '{}', sha256('e') FROM trackstar.model WHERE name = 'its own';
               UPDATE trackstar.run SET encoding_id = (SELECT encoding_id FROM trackstar.encoding);
               INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence,
                                                 target_probability, is_correct, seed)
               SELECT model_id, query_id, 'x', '{x}', 0.5, 0.5, true, 1
               FROM trackstar.model, trackstar.query WHERE name = 'another' AND external_id = 'silent'"""
        )
    found = []
    for _ in range(2):
        with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
            run = run_named(Statements(connection), "r")
            found.append((run.is_refreshed, lists.page(Statements(connection), run, View()).queries))
        Store(database).refresh()
    assert [is_refreshed for is_refreshed, _ in found] == [False, True]
    assert found[0][1] == found[1][1]
    relations = {query.external_id: query.relation for query in found[0][1]}
    assert (relations["e2"], relations["e3"]) == ("capital", None)  # no relation called river is loaded


def test_records_of_our_own_runs_are_those_that_an_export_writes(database: Database) -> None:
    write_judged_runs(database)
    with database.connect() as connection:
        connection.execute(
            """INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, confidence,
                                                 target_probability, is_correct, seed)
               SELECT model_id, query_id, 'x', '{x}', 0.5, 0.5, true, 1
               FROM trackstar.model, trackstar.query WHERE external_id IN ('q1', 'q13')"""
        )
        connection.execute(
            "DELETE FROM trackstar.proponent WHERE direction = 'opponent'"
            " AND run_id = (SELECT run_id FROM trackstar.run WHERE name = 'one')"
        )
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        for name in ("one", "two", "gold"):
            statements = Statements(connection)
            lines = b"".join(
                downloads.jsonl(partial(nullcontext, statements), run_named(statements, name), View())
            ).splitlines()
            written = [json.loads(line) for line in lines]
            assert written == list(results(database, name))
            assert ["opponents" in one for one in written] == [name != "one"] * 14
            assert not any("8b_confidence" in one for one in written)


def test_a_record_with_empty_lists_of_opponents_is_written_as_it_came(database: Database, tmp_path: Path) -> None:
    none, empty = record(query_set="s"), {"opponents": [], "opponent_ids": [], "opponent_scores": []}
    said = [none, {**none, "example_id": "e2", **empty}, {**none, "example_id": "e3", "opponents": []}]
    load_results(database, [write(tmp_path / "r.jsonl", *said)], "r")
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        lines = b"".join(
            downloads.jsonl(lambda: nullcontext(statements), run_named(statements, "r"), View())
        ).splitlines()
    assert [json.loads(line) for line in lines] == said
    assert list(results(database, "r")) == said


@pytest.mark.parametrize("text", ["\x1b[2J\u202e\r\n\t\x7f'\\\\ \\u0041 --", '\U000e0041\xa0\ufeff\u2028"', "a\u200db"])
def test_the_sql_with_what_cannot_be_seen_runs_as_it_is_copied(database: Database, tmp_path: Path, text: str) -> None:
    said = [record(targets_plaintext=text, task=f"{text}1"), record(example_id="e2", task="2")]
    load_results(database, [write(tmp_path / "r.jsonl", *said)], "r")
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        tasks = clause("task", f"{text}1").removeprefix("task = ")
        view = View(parse_filter(f"{clause('target', text)} and task in ({tasks})"))
        found = lists.page(statements, run_named(statements, "r"), view).queries
        copied = connection.execute(statements.shown[-1].encode()).fetchall()
    assert [query.target for query in found] == [text]
    assert [row[3] for row in copied] == [text]
    assert all(one.isprintable() or one == "\n" for one in statements.shown[-1])
    assert json.loads(readable_json(said)) == said
    assert all(one.isprintable() or one == "\n" for one in readable_json(said))


def test_few_labelled_queries_among_many_are_all_averaged(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled = {7: {"proponent_ais_scores": [0.2, 0.9]}, 8: {"proponent_ais_scores": [0.6, 0.1]}}
    said = [record(example_id=f"e{n}", proponent_ids=[f"{n}", "b"], **labelled.get(n, {})) for n in range(200)]
    load_results(database, [write(tmp_path / "r.jsonl", *said)], "r")
    Store(database).refresh()
    for limit in ("MOST_QUERIES", "MOST_BY_THRESHOLD"):
        monkeypatch.setattr(f"trackstar_db.viewer.means.{limit}", 40)
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        run = run_named(Statements(connection), "r")
        found, strict = (means(Statements(connection), run, parse_filter("position > 0"), at) for at in (None, 0.7))
    assert (found.every, found.ais.every, found.ais.queries, found.ais.mrr) == (5, 1, 2, 0.75)
    assert (strict.every, strict.ais.every, strict.ais.queries, strict.ais.mrr) == (5, 1, 2, 0.25)
    assert (found.has_ais, strict.has_ais) == (True, True)


@pytest.fixture
def capitals(database: Database, tmp_path: Path) -> Iterator[tuple[Statements, Run]]:
    """Two facts of two relations called `capital`, one judged by its record alone, one that nobody judges."""
    facts = [FACT, {**FACT, "fact_id": "f2", "predicate_uri": "P1376", "entity0_uri": "Q90", "entity1_uri": "Q142"}]
    load_facts(database, [write(tmp_path / "facts.jsonl", *facts)])
    about: list[dict[str, Any]] = [
        {"fact_id": "f1"}, {"fact_id": "f2"}, {"relation": "capital", "proponent_correct": [True, False]},
        {"relation": "capital"}, {},
    ]  # fmt: skip
    said = [record(example_id=f"e{n}", c4_frequency=50, **one) for n, one in enumerate(about)]
    said[2]["proponent_ais_scores"] = [0.9, None]
    load_results(database, [write(tmp_path / "r.jsonl", *said)], "r")
    Store(database).refresh()
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        yield statements, run_named(statements, "r")


def test_chips_and_means_count_queries_that_nobody_judges(capitals: tuple[Statements, Run]) -> None:
    statements, run = capitals
    found = lists.chips(statements, run)
    assert [(chip.name, chip.queries, chip.is_estimated) for chip in found.relations] == [
        ("capital", 4, False), (None, 1, False),
    ]  # fmt: skip
    for chip in (*found.relations, *found.buckets):
        left = lists.page(statements, run, View(parse_filter(chip.filter))).queries
        assert chip.queries == len(left) == means(statements, run, parse_filter(chip.filter)).queries
    assert means(statements, run, parse_filter('relation = "capital"')).annotation.queries == 3


def test_relations_called_the_same_are_one_row_and_cells_lead_to_their_queries(
    capitals: tuple[Statements, Run],
) -> None:
    statements, run = capitals
    for metric, queries in (("recall", 3), ("ais_recall", 1)):
        (row,) = (found := heat_maps.heat_map(statements, run, metric)).rows
        assert row.relation == "capital"
        cells = [row.cells[2], row.whole, found.whole[2], found.every]
        assert [(cell.queries, cell.value) for cell in cells] == [(queries, pytest.approx(1 / queries))] * 4
        for cell in cells:
            left = lists.page(statements, run, View(parse_filter(cell.filter))).queries
            assert len(left) == cell.queries, cell.filter


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
        run = run_named(statements, "r")
        for _ in range(60):
            cursor = lists.random_page(statements, run, view)
            found = lists.page(statements, run, replace(view, cursor=cursor))
            begun[found.queries[0].position] += 1
            assert (found.before is None) == (found.queries[0].position == 1)
    assert set(begun) == {1, 2, 59}
    assert min(begun.values()) >= 10
