"""What the viewer counts and averages of the demo's runs, as a reader: what a filter leaves, by relation and bucket."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from tests.hostile_filters import hostile_filters
from trackstar_db.errors import InputError
from trackstar_db.viewer import heat_maps, lists
from trackstar_db.viewer.answers import answer
from trackstar_db.viewer.filters import KINDS, PRESETS, FilterError, combined, parse_filter
from trackstar_db.viewer.lists import Listed, Run, View
from trackstar_db.viewer.means import means
from trackstar_db.viewer.sampling import EVERY
from trackstar_db.viewer.statements import Statements

# Filters ------------------------------------------------------------------------------------------

CHOSEN: dict[str, Callable[[Listed], object]] = {
    "correct and confidence > 0.5": lambda query: query.is_correct and (query.confidence or 0) > 0.5,
    "not correct": lambda query: query.is_correct is False,
    'prompt contains "LANGUAGE" or target = "Paris"': lambda query: (
        "language" in query.prompt.lower() or query.target == "Paris"
    ),
    "recall = 1 and ais_recall = 0 or mrr = 0": lambda query: (
        (query.recall_at_10 == 1 and query.ais_recall_at_10 == 0) or query.reciprocal_rank == 0
    ),
    "tail_patch is not empty and tail_patch > 0": lambda query: (query.tail_patch_delta or 0) > 0,
    "frequency in (3, 5, 7) and bucket = 1": lambda query: query.fact_frequency in (3, 5, 7),
    'id in ("capital-france", "nothing")': lambda query: query.external_id == "capital-france",
    'task = "demo" and position <= 7': lambda query: query.position <= 7,
}


@pytest.mark.parametrize("text", CHOSEN)
def test_a_filter_leaves_what_it_says(statements: Statements, demo: Run, everything: list[Listed], text: str) -> None:
    found = lists.page(statements, demo, View(parse_filter(text), size=1000)).queries
    assert found == [query for query in everything if CHOSEN[text](query)]
    assert found


def test_the_kind_of_the_first_proponent_is_a_filter(statements: Statements, demo: Run) -> None:
    found = lists.page(statements, demo, View(parse_filter('kind = "subject" or kind = "both_entities"'))).queries
    assert found
    for query in found[:3]:
        assert answer(statements, demo, query.query_id).proponents[0].kind in ("subject", "both_entities")


@pytest.mark.parametrize("preset", [*PRESETS, *KINDS], ids=lambda preset: preset.label)
def test_every_preset_can_be_asked(statements: Statements, demo: Run, preset: Any) -> None:
    lists.page(statements, demo, View(parse_filter(preset.text), size=5))


def test_every_hostile_text_that_is_a_filter_runs_and_changes_nothing(
    statements: Statements, demo: Run, everything: list[Listed]
) -> None:
    asked = 0
    for text in hostile_filters(random.Random(7), 2_000):
        try:
            filter = parse_filter(text)
        except FilterError:
            continue
        if filter.fields & {"kind"}:
            continue  # slow
        found = lists.page(statements, demo, View(filter, size=5)).queries
        assert all(query in everything for query in found)
        asked += 1
    assert asked > 500


# Means --------------------------------------------------------------------------------------------


def test_means_are_those_of_the_queries_that_the_filter_leaves(
    statements: Statements, demo: Run, everything: list[Listed]
) -> None:
    for text in ("", 'relation = "capital"', "bucket >= 1 and correct", "confidence > 0.5"):
        left = lists.page(statements, demo, View(parse_filter(text), size=1000)).queries
        found = means(statements, demo, parse_filter(text))
        assert (found.queries, found.every, found.annotation.queries) == (len(left), 1, len(left))
        for name, column in (("mrr", "reciprocal_rank"), ("recall_at_10",) * 2, ("precision_at_10",) * 2):
            values = [getattr(query, column) for query in left]
            assert getattr(found.annotation, name) == pytest.approx(sum(values) / len(values)), (text, name)
            labelled = [getattr(query, f"ais_{column}") for query in left if query.best_ais_score is not None]
            assert getattr(found.ais, name) == pytest.approx(sum(labelled) / len(labelled)), (text, name)


def test_means_by_relation_and_bucket_are_those_of_the_queries_whichever_way_they_are_read(
    statements: Statements, demo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ("", 'relation = "capital"', 'relation = "capital" or relation = "currency"', "bucket = 1")
    of_queries = [means(statements, demo, parse_filter(text)) for text in texts]
    monkeypatch.setattr("trackstar_db.viewer.means.MOST_QUERIES", 50)
    for text, expected in zip(texts, of_queries, strict=True):
        found = means(statements, demo, parse_filter(text))
        assert (found.confidence, found.correct, found.every) == (None, None, 1), text  # of the cells of the heat map
        assert (found.queries, found.has_ais, found.tail_patch_queries) == (
            expected.queries, expected.has_ais, expected.tail_patch_queries,
        )  # fmt: skip
        assert found.tail_patch_delta == pytest.approx(expected.tail_patch_delta)
        for mine, theirs in ((found.annotation, expected.annotation), (found.ais, expected.ais)):
            assert asdict(mine) == pytest.approx(asdict(theirs)), text


def test_another_threshold_recomputes_the_means_by_entailment_alone(statements: Statements, demo: Run) -> None:
    usual, low, high = (means(statements, demo, parse_filter("correct"), at) for at in (None, 0.0, 1.0))
    assert usual.threshold == demo.ais_threshold == 0.5
    assert low.annotation == usual.annotation == high.annotation
    assert low.ais.mrr == pytest.approx(usual.ais.mrr)  # the labels are 0 and 1
    assert (high.ais.mrr, high.ais.recall_at_10, high.ais.queries) == (0, 0, usual.ais.queries)


def test_of_very_many_queries_one_of_every_n_is_looked_at(
    statements: Statements, demo: Run, everything: list[Listed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.viewer.means.MOST_QUERIES", 50)
    places = [n - 1 + (n * 2654435761 % 2**32) * 7 // 2**32 for n in range(1, 339, 7)]
    assert len({place % 7 for place in places}) == 7  # no turn of queries is left out
    sample = [everything[place] for place in places if place < 338]
    found = means(statements, demo, parse_filter("position > 0"))
    assert (found.every, found.queries) == (7, min(7 * len(sample), 338))
    values = [query.reciprocal_rank or 0 for query in sample]
    assert found.annotation.mrr == pytest.approx(sum(values) / len(values))
    assert means(statements, demo, parse_filter("position > 0"), chosen=EVERY).queries == 338


def test_where_a_sample_would_find_few_queries_all_that_the_filter_leaves_are_looked_at(
    statements: Statements, demo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    filter = parse_filter("position in (2, 3, 5)")
    expected = means(statements, demo, filter)
    monkeypatch.setattr("trackstar_db.viewer.means.MOST_QUERIES", 50)
    assert means(statements, demo, filter) == expected
    assert (expected.queries, expected.every) == (3, 1)
    slow = parse_filter('position in (2, 3, 5) and kind != "nothing"')
    assert means(statements, demo, slow).every == 7


def test_one_of_every_n_proponents_lists_is_judged_by_another_threshold_of_those_that_the_filter_leaves(
    statements: Statements, demo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackstar_db.viewer.means.MOST_BY_THRESHOLD", 40)
    found = means(statements, demo, parse_filter("position > 0"), 0.7)
    assert (found.queries, found.every) == (338, 1)
    assert (found.has_ais, found.ais.every) == (True, 9)
    assert 30 <= found.ais.queries <= 40
    few = means(statements, demo, parse_filter("position <= 20"), 0.7)
    assert (few.ais.queries, few.ais.every) == (20, 1)


# Heat map ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", heat_maps.METRICS)
def test_each_cell_of_a_heat_map_is_the_mean_of_the_queries_that_its_filter_leaves(
    statements: Statements, demo: Run, metric: str
) -> None:
    found = heat_maps.heat_map(statements, demo, metric)
    assert sum(cell.queries for row in found.rows for cell in row.cells.values()) == found.whole[1].queries
    for row in found.rows[:3]:
        for cell in (found.every, row.whole, *row.cells.values()):
            left = means(statements, demo, parse_filter(combined(cell.filter, "position > 0")))
            judge = left.ais if metric.startswith("ais") else left.annotation
            value = left.tail_patch_delta if metric == "tail_patch" else getattr(judge, found.metric.column)
            assert cell.value == pytest.approx(value)
            assert metric == "tail_patch" or cell.queries == judge.queries
    with pytest.raises(InputError, match="no metric called 'x'"):
        heat_maps.heat_map(statements, demo, "x")
