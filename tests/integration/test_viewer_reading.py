"""What the viewer's pages read, as a reader, of the demo's runs: lists, means, one query, two runs, documents."""

from __future__ import annotations

import csv
import io
import json
import random
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import pq

from tests.integration.results_format import check_format
from tests.integration.runs import run_named
from trackstar_db.database.engine import open_database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.export import results
from trackstar_db.viewer import comparisons, documents, downloads, heat_maps, lists
from trackstar_db.viewer.answers import answer, query_of
from trackstar_db.viewer.filters import clause, parse_filter
from trackstar_db.viewer.highlighting import spans
from trackstar_db.viewer.lists import Listed, Run, View
from trackstar_db.viewer.means import means
from trackstar_db.viewer.statements import Statements

Connection = psycopg.Connection[Any]


# Lists --------------------------------------------------------------------------------------------


def test_runs_are_listed_with_what_choosing_one_needs(statements: Statements) -> None:
    found = {run.name: run for run in lists.runs(statements)}
    assert set(found) == {"demo", "demo/trackstar", "demo/bm25", "demo/gold"}
    assert all(run.is_refreshed and not run.is_imported and run.queries == 338 for run in found.values())


@pytest.mark.parametrize("sort", lists.SORTS)
@pytest.mark.parametrize("text", ["", 'relation = "capital" or bucket is empty or ais_mrr < 0.5'])
def test_pages_forward_and_back_are_the_whole_list_in_order(
    statements: Statements, demo: Run, everything: list[Listed], sort: str, text: str
) -> None:
    view = View(parse_filter(text), sort, size=23)
    forward, cursor = [], None
    while True:
        page = lists.page(statements, demo, replace(view, cursor=cursor))
        assert (page.before is None) == (cursor is None)
        assert len(page.queries) == 23 or page.after is None
        forward += page.queries
        if page.after is None:
            break
        cursor = page.after
    back = page.queries
    while page.before is not None:
        page = lists.page(statements, demo, replace(view, cursor=page.before))
        back = page.queries + back
    column = {"position": "position", "ais": "best_ais_score", "mrr": "reciprocal_rank"}.get(sort) or {
        "confidence": "confidence", "frequency": "fact_frequency",
    }[sort]  # fmt: skip
    expected = [
        query for query in everything
        if not text or query.relation == "capital" or query.frequency_bucket is None
        or (query.ais_reciprocal_rank is not None and query.ais_reciprocal_rank < 0.5)
    ]  # fmt: skip
    if sort != "position":
        expected.sort(key=lambda query: (-getattr(query, column), query.query_id))
    assert forward == back == expected
    assert len(expected) == 338 or text


def test_a_page_that_nothing_is_on_has_no_neighbours(statements: Statements, demo: Run) -> None:
    assert lists.page(statements, demo, View(parse_filter("confidence > 2"))) == lists.Page([], None, None)


@pytest.mark.parametrize("sort", lists.SORTS)
def test_a_random_page_begins_with_a_query_that_the_filter_leaves(statements: Statements, demo: Run, sort: str) -> None:
    random.seed(5)
    view = View(parse_filter('relation = "capital"'), sort, size=3)
    begun = set()
    for _ in range(12):
        cursor = lists.random_page(statements, demo, view)
        page = lists.page(statements, demo, replace(view, cursor=cursor))
        begun.add(page.queries[0].query_id)
        assert all(query.relation == "capital" for query in page.queries)
    assert len(begun) > 3


@pytest.mark.parametrize(
    "cursor", ["", "after:x:1", "after:1:2:3", "before:1e999:2", "after:1.0e999:2", "1", "after:1:-1"]
)
def test_a_cursor_that_is_none_is_refused(statements: Statements, demo: Run, cursor: str) -> None:
    if cursor:
        with pytest.raises(InputError, match="no place on a list"):
            lists.page(statements, demo, View(cursor=cursor))
    with pytest.raises(InputError, match="sorted by position, ais"):
        lists.page(statements, demo, View(sort="x", cursor=None))


def test_a_run_that_is_not_refreshed_has_the_same_list_read_live(statements: Statements, demo: Run) -> None:
    live = replace(demo, is_refreshed=False)
    view = View(parse_filter("annotated and position > 10"), size=12)
    for known, read in zip(
        lists.page(statements, demo, view).queries, lists.page(statements, live, view).queries, strict=True
    ):
        assert read == replace(known, tail_patch_delta=read.tail_patch_delta)
        assert read.tail_patch_delta == pytest.approx(known.tail_patch_delta)


def test_chips_count_the_queries_that_their_filters_leave(
    statements: Statements, demo: Run, everything: list[Listed]
) -> None:
    found = lists.chips(statements, demo)
    assert [(chip.name, chip.queries) for chip in found.tasks] == [("demo", 338)]
    for chips in (found.relations, found.buckets):
        assert sum(chip.queries for chip in chips) == 338
        for chip in chips[:2]:
            page = lists.page(statements, demo, View(parse_filter(chip.filter), size=1000))
            assert len(page.queries) == chip.queries
    assert found.relations[0].queries == max(chip.queries for chip in found.relations)


# One query ----------------------------------------------------------------------------------------


def test_an_answer_has_what_the_views_say(statements: Statements, demo: Run, reader: Connection) -> None:
    asked = query_of(statements, demo, "capital-france")
    found = answer(statements, demo, asked)
    assert (found.prompt, found.target) == ("The city that France has as its capital is", "Paris")
    assert found.fact is not None
    assert (found.fact.subject, found.fact.relation, found.fact.object) == ("France", "capital", "Paris")
    assert found.prediction is not None
    assert len(found.prediction.samples) == 20
    rows = reader.execute(
        """SELECT direction, rank, document_id, is_annotated, ais_score, influence FROM tda.proponent
           WHERE run = 'demo' AND query_id = %s ORDER BY direction DESC, rank""",
        (asked,),
    ).fetchall()
    shown = [*found.proponents, *found.opponents]
    assert rows == [
        (one.direction, one.rank, one.document_id, one.is_correct, one.ais_score, one.influence) for one in shown
    ]
    (listed,) = lists.page(statements, demo, View(parse_filter('id = "capital-france"'))).queries
    assert found.annotation.reciprocal_rank == listed.reciprocal_rank
    assert (found.ais.reciprocal_rank, found.ais.precision_at_10) == (
        listed.ais_reciprocal_rank, listed.ais_precision_at_10,
    )  # fmt: skip
    assert (found.before, found.after) == (None, found.query_id + 1)


def test_the_threshold_decides_what_is_entailed(statements: Statements, demo: Run) -> None:
    asked = query_of(statements, demo, "capital-france")
    strict = answer(statements, demo, asked, threshold=1.0)
    assert not any(one.is_entailed for one in strict.proponents)
    assert strict.ais.reciprocal_rank == 0
    assert any(one.is_entailed for one in answer(statements, demo, asked).proponents)


def test_names_to_highlight_stand_in_the_documents_that_state_the_fact(statements: Statements, demo: Run) -> None:
    found = answer(statements, demo, query_of(statements, demo, "capital-france"))
    stating = next(one for one in found.proponents if one.kind == "states_fact")
    assert {span.kind for span in spans(stating.text, found.wanted)} == {"target", "subject"}


def test_a_query_that_the_run_did_not_ask_is_not_found(statements: Statements, demo: Run) -> None:
    with pytest.raises(NotFound, match="did not ask query 0"):
        answer(statements, demo, 0)
    with pytest.raises(NotFound, match="no query of id 'x'"):
        query_of(statements, demo, "x")


# Two runs -----------------------------------------------------------------------------------------


def test_two_runs_side_by_side_agree_as_tda_compare_runs_says(
    statements: Statements, demo: Run, reader: Connection
) -> None:
    other = run_named(statements, "demo/trackstar")
    expected = {
        row[0]: row[1:]
        for row in reader.execute(
            """SELECT query_id, shared, overlap, rank_correlation, first_difference IS DISTINCT FROM 1
               FROM tda.compare_runs('demo', 'demo/trackstar') ORDER BY query_id LIMIT 9"""
        )
    }
    found = comparisons.agreements(statements, demo, other, list(expected))
    for query_id, (shared, overlap, correlation, is_same_first) in expected.items():
        assert found[query_id] == comparisons.Agreement(
            shared, overlap, None if correlation is None else pytest.approx(correlation), is_same_first
        )
        mine, theirs = (answer(statements, run, query_id).proponents[:10] for run in (demo, other))
        both = comparisons.side_by_side(mine, theirs)
        correlation = found[query_id].rank_correlation
        close = correlation if correlation is None else pytest.approx(correlation)
        assert both.agreement == replace(found[query_id], rank_correlation=close)
        assert len(both.places) == 20 - shared
        assert [pair.rank for pair in both.places.values()] == [*range(1, 11), *[None] * (10 - shared)]


def test_empty_lists_have_no_overlap() -> None:
    found = comparisons.side_by_side([], [])
    assert found.agreement == comparisons.Agreement(0, None, None, False)
    assert found.places == {}


def test_all_runs_over_the_queries_are_compared(statements: Statements, demo: Run) -> None:
    found = comparisons.run_agreements(statements, demo)
    assert {one.other_run for one in found} == {"demo/trackstar", "demo/bm25", "demo/gold"}
    assert found == sorted(found, key=lambda one: -one.overlap)
    rows = comparisons.method_metrics(statements, "demo")
    assert {(row.run, row.judge) for row in rows} >= {("demo", "annotation"), ("demo/gold", "ais")}


# Documents ----------------------------------------------------------------------------------------


def test_a_document_has_its_facts_and_every_query_it_influences(
    statements: Statements, demo: Run, reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "PAGE", 40)
    first = answer(statements, demo, query_of(statements, demo, "capital-france")).proponents[0]
    found = documents.document(statements, first.document_id)
    assert (found.text, found.corpus) == (first.text, "demo")
    assert "capital-france" in {fact.fact_id for fact in found.facts}
    assert {(reach.run, reach.direction) for reach in found.reach} >= {("demo", "proponent")}
    traced = reader.execute(
        "SELECT run, direction, rank, query_id FROM tda.trace_document(%s)", (first.document_id,)
    ).fetchall()
    influenced, cursor = [], None
    while True:
        page = documents.influenced(statements, first.document_id, None, cursor)
        influenced += [(one.run, one.direction, one.rank, one.query_id) for one in page.queries]
        if page.after is None:
            break
        cursor = page.after
    assert len(traced) > 80
    assert sorted(influenced) == sorted(traced)
    assert [rank for _, _, rank, _ in influenced] == sorted(rank for _, _, rank, _ in traced)
    one_run = documents.influenced(statements, first.document_id, "demo").queries
    assert {one.run for one in one_run} == {"demo"}
    with pytest.raises(NotFound, match="no document 0"):
        documents.document(statements, 0)
    with pytest.raises(InputError, match="no place on a list"):
        documents.influenced(statements, 1, None, "x")


@pytest.mark.parametrize(
    ("text", "has", "lacks"),
    [
        ("copenhagen DENMARK", ["copenhagen", "denmark"], []),
        ('"its capital in Copenhagen"', ["its capital in copenhagen"], []),
        ("Denmark -Copenhagen", ["denmark"], ["copenhagen"]),
    ],
)
def test_a_search_finds_documents_by_their_words(
    statements: Statements, text: str, has: list[str], lacks: list[str]
) -> None:
    found = documents.search(statements, text)
    assert found.documents
    for one in found.documents:
        assert all(word in one.excerpt.lower() for word in has)
        assert not any(word in one.excerpt.lower() for word in lacks)
    assert documents.search(statements, text, "demo").documents == found.documents


@pytest.mark.parametrize("text", ["", "  ", "-only", "!!", "a\0b"])
def test_a_search_without_words_is_refused(statements: Statements, text: str) -> None:
    with pytest.raises(InputError, match="no word to look for"):
        documents.search(statements, text)


@pytest.mark.parametrize("text", ["' | !!x", '"""x', "or or or x", "%s {x} <b>", "a" * 500, "😀 x", "x:*&!(", "\\x"])
def test_a_strange_search_finds_nothing_rather_than_fail(statements: Statements, text: str) -> None:
    assert documents.search(statements, text).documents == []


# Downloads ----------------------------------------------------------------------------------------


def test_what_is_shown_comes_as_the_release_s_records_and_as_csv(statements: Statements, demo: Run) -> None:
    view = View(parse_filter(clause("relation", "capital")), size=7)
    lines = [
        json.loads(line) for line in b"".join(downloads.jsonl(lambda: nullcontext(statements), demo, view)).splitlines()
    ]
    shown = lists.page(statements, demo, view).queries
    assert [line["example_id"] for line in lines] == [query.external_id for query in shown]
    assert list(lines[0])[:7] == [
        "example_id", "query_set", "inputs_plaintext", "targets_plaintext", "proponents", "proponent_ids",
        "proponent_scores",
    ]  # fmt: skip
    assert len(lines[0]["proponents"]) == len(lines[0]["proponent_correct"]) == 100
    table = list(
        csv.DictReader(
            io.StringIO(b"".join(downloads.csv(lambda: nullcontext(statements), demo, view)).decode(), newline="")
        )
    )
    assert [row["query_id"] for row in table] == [str(query.query_id) for query in shown]
    whole = b"".join(downloads.csv(lambda: nullcontext(statements), demo, view, is_whole=True)).decode().splitlines()
    assert len(whole) == 51
    answered = downloads.answer_csv(statements, demo, shown[0].query_id).decode()
    assert len(list(csv.DictReader(io.StringIO(answered, newline="")))) == 200


def test_what_the_viewer_and_export_results_write_is_the_same_in_the_release_s_format(
    statements: Statements, demo: Run, demo_database_url: str
) -> None:
    lines = b"".join(downloads.jsonl(lambda: nullcontext(statements), demo, View(), is_whole=True)).splitlines()
    written = [json.loads(line) for line in lines]
    for record in written:
        check_format(record)
    facts = {"fact_id", "relation", "8b_generations", "8b_confidence", "c4_frequency", "c4_frequency_bucket"}
    assert facts | {"has_trex_sentence", "proponent_correct", "proponent_ais_scores", "opponents"} <= set(written[0])
    database = open_database(demo_database_url)
    assert list(results(database, "demo")) == written
    database.close()


# The SQL of a page --------------------------------------------------------------------------------


def test_the_sql_of_every_page_runs_as_it_stands(statements: Statements, demo: Run, reader: Connection) -> None:
    text = """prompt contains "it's 100%" or target = 'x' or task = "a\\"b" or bucket in (1, 2)"""
    view = View(parse_filter(text), "ais", "after:0.5:3")
    lists.runs(statements)
    lists.chips(statements, demo)
    lists.page(statements, demo, view)
    lists.page(statements, replace(demo, is_refreshed=False), View(size=2))
    means(statements, demo, view.filter, 0.7)
    found = answer(statements, demo, query_of(statements, demo, "capital-france"))
    documents.document(statements, found.proponents[0].document_id)
    documents.influenced(statements, found.proponents[0].document_id, "demo", "1:5:proponent:demo")
    documents.search(statements, "it's -100%")
    heat_maps.heat_map(statements, demo, "mrr")
    comparisons.agreements(statements, demo, run_named(statements, "demo/bm25"), [1])
    assert len(statements.shown) > 20
    assert statements.seconds > 0
    for shown in statements.shown:
        result = reader.pgconn.exec_(shown.encode())
        assert result.status == pq.ExecStatus.TUPLES_OK, (shown, result.error_message)
        assert shown.startswith("-- ")
        assert shown.endswith(";")
