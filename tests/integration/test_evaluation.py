"""Evaluation: metrics as the field computes them, intervals that can be checked, views that agree with each other."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, get_args

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, P, Qrel, ScoredDoc, Success
from psycopg.rows import dict_row

from tests.integration.judged_runs import FACTS, JudgedRuns, write_judged_runs, write_queries
from trackstar_db.database.engine import Database
from trackstar_db.errors import EncodingIncomplete, InputError, NotFound
from trackstar_db.evaluation.charts import chart_paths, draw_chart
from trackstar_db.evaluation.evaluate import Bootstrap, Judge, bootstrap_interval
from trackstar_db.store import Store

FIGURES = {"mrr": "reciprocal_rank", "recall_at_10": "recall_at_10", "precision_at_10": "precision_at_10",
           "tail_patch_delta": "tail_patch_delta"}  # fmt: skip


@pytest.fixture
def judged(database: Database) -> JudgedRuns:
    return write_judged_runs(database)


@pytest.fixture
def store(database: Database, judged: JudgedRuns) -> Store:
    return Store(database)


def select(database: Database, statement: str, *parameters: object, role: str | None = None) -> list[dict[str, Any]]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        if role:
            cursor.execute(f"SET LOCAL ROLE {role}")  # type: ignore[arg-type]
        return cursor.execute(statement, parameters).fetchall()  # type: ignore[arg-type]


def metrics(database: Database, run: str, judge: str) -> dict[int, dict[str, Any]]:
    rows = select(database, "SELECT * FROM tda.query_metric WHERE run = %s AND judge = %s", run, judge)
    return {row["query_id"]: row for row in rows}


def is_correct(judged: JudgedRuns, run: str, judge: str, query: int, document: int) -> bool | None:
    """Whether a judge calls a proponent correct; None where it has not looked."""
    if judge == "annotation":
        return (query, document) in judged.annotated
    labelers, threshold = (("nli",), 0.7) if run == "one" else (("nli", "people"), 0.5)
    scores = [judged.labels[name][query, document] for name in labelers if (query, document) in judged.labels[name]]
    return fmean(scores) > threshold if scores else None


def defined(judged: JudgedRuns, run: str, judge: str) -> dict[int, tuple[float, float, float, int]]:
    """reciprocal_rank, recall_at_10, precision_at_10, correct_proponents of each query, by their definitions."""
    found = {}
    for query in range(1, FACTS + 3):
        verdicts = [
            is_correct(judged, run, judge, query, document) for document in judged.proponents[run].get(query, [])
        ]
        if (query > FACTS) if judge == "annotation" else all(verdict is None for verdict in verdicts):
            continue
        ranks = [rank for rank, verdict in enumerate(verdicts, start=1) if verdict]
        in_ten = sum(rank <= 10 for rank in ranks)
        found[query] = (1 / ranks[0] if ranks else 0.0, float(in_ten > 0), in_ten / 10, len(ranks))
    return found


# Metrics -------------------------------------------------------------------------------------------


def test_a_query_s_metrics_are_those_of_the_data_release(database: Database, judged: JudgedRuns) -> None:
    names = ("reciprocal_rank", "recall_at_10", "precision_at_10", "correct_proponents")
    for run, judge in product(judged.proponents, ("annotation", "ais")):
        seen = {query: tuple(row[name] for name in names) for query, row in metrics(database, run, judge).items()}
        assert seen == defined(judged, run, judge)
        assert len({row[0] for row in seen.values()}) > 2  # the runs are not trivial


def test_metrics_agree_with_ir_measures(database: Database, judged: JudgedRuns) -> None:
    qrels = [Qrel(str(query), str(document), 1) for query, document in judged.annotated]
    for run, found in judged.proponents.items():
        ranked = [
            ScoredDoc(str(query), str(document), -rank)
            for query, documents in found.items()
            if query <= FACTS
            for rank, document in enumerate(documents)
        ]
        expected = ir_measures.calc_aggregate([RR, Success @ 10, P @ 10], qrels, ranked)
        (row,) = select(database, "SELECT * FROM tda.method_comparison WHERE run = %s AND judge = 'annotation'", run)
        assert row["queries"] == FACTS
        assert row["mrr"] == pytest.approx(expected[RR], abs=1e-12)
        assert row["recall_at_10"] == pytest.approx(expected[Success @ 10], abs=1e-12)
        assert row["precision_at_10"] == pytest.approx(expected[P @ 10], abs=1e-12)


def test_a_query_that_was_asked_in_vain_counts_and_one_that_came_later_does_not(
    database: Database, judged: JudgedRuns
) -> None:
    with database.connect() as connection:
        write_queries(connection, ["f3"], first=15)
    found = metrics(database, "gold", "annotation")
    assert set(found) == set(range(1, FACTS + 1))
    assert [found[query]["reciprocal_rank"] for query in (1, 2)] == [0, 0]
    with database.connect() as connection:  # as many as have proponents: the others could not be asked
        connection.execute("DELETE FROM trackstar.run_query WHERE run_id = 3 AND query_id <= 2")
    assert set(metrics(database, "gold", "annotation")) == set(range(3, FACTS + 1))


def test_tail_patch_is_the_mean_over_those_of_the_first_ten_that_were_tried(
    database: Database, judged: JudgedRuns
) -> None:
    found = metrics(database, "two", "tail_patch")
    expected = {}
    for query, documents in judged.proponents["two"].items():
        deltas = [judged.tail_patches[query, d] for d in documents[:10] if (query, d) in judged.tail_patches]
        if deltas:
            expected[query] = (pytest.approx(fmean(deltas), abs=1e-12), len(deltas))
    seen = {query: (row["tail_patch_delta"], row["tail_patch_proponents"]) for query, row in found.items()}
    assert seen == expected
    assert {13, 14} <= set(seen)  # no facts, and judged all the same
    assert 4 not in seen
    assert {row["reciprocal_rank"] for row in found.values()} == {None}
    assert metrics(database, "two", "annotation")[4]["tail_patch_delta"] is None


def test_influence_is_told_apart_for_correct_and_incorrect_proponents(database: Database, judged: JudgedRuns) -> None:
    for judge in ("annotation", "ais"):
        (row,) = select(database, "SELECT * FROM tda.influence_vs_attribution WHERE run = 'one' AND judge = %s", judge)
        tried: dict[bool, list[float]] = {True: [], False: []}
        for query in defined(judged, "one", judge):
            for document in judged.proponents["one"][query][:10]:
                if (query, document) in judged.tail_patches:
                    verdict = bool(is_correct(judged, "one", judge, query, document))
                    tried[verdict].append(judged.tail_patches[query, document])
        assert (row["correct_proponents"], row["incorrect_proponents"]) == (len(tried[True]), len(tried[False]))
        assert row["tail_patch_of_correct"] == pytest.approx(fmean(tried[True]), abs=1e-12)
        assert row["tail_patch_of_incorrect"] == pytest.approx(fmean(tried[False]), abs=1e-12)
        (compared,) = select(database, "SELECT * FROM tda.method_comparison WHERE run = 'one' AND judge = %s", judge)
        shared = ("queries", "mrr", "recall_at_10", "tail_patch_queries", "tail_patch_delta")
        assert [row[name] for name in shared] == [compared[name] for name in shared]


def test_a_reader_gets_every_figure_by_one_group_by(store: Store) -> None:
    statement = """
        SELECT run, judge, relation, frequency_bucket, count(*) AS queries, avg(reciprocal_rank) AS mrr,
               avg(recall_at_10) AS recall_at_10, avg(precision_at_10) AS precision_at_10,
               count(tail_patch_delta) AS tail_patch_queries, avg(tail_patch_delta) AS tail_patch_delta,
               stddev(tail_patch_delta) / sqrt(count(tail_patch_delta)) AS tail_patch_standard_error
        FROM tda.query_metric
        GROUP BY GROUPING SETS ((run, judge), (run, judge, relation), (run, judge, frequency_bucket))
        HAVING GROUPING(relation, frequency_bucket) = %s"""
    views = {3: "method_comparison", 1: "metric_by_relation", 2: "metric_by_frequency_bucket"}
    for level, view in views.items():
        grouped = select(store.database, statement, level, role="tda_reader")
        names = [name for name in grouped[0] if level != 3 or name not in ("relation", "frequency_bucket")]
        names = [name for name in names if name not in {1: ["frequency_bucket"], 2: ["relation"]}.get(level, [])]
        viewed = select(store.database, f"SELECT * FROM tda.{view}", role="tda_reader")  # noqa: S608
        assert len(viewed) >= 9
        assert _rounded(viewed, names) == _rounded(grouped, names)


def _rounded(rows: list[dict[str, Any]], names: list[str]) -> set[tuple[object, ...]]:
    return {tuple(round(row[name], 9) if isinstance(row[name], float) else row[name] for name in names) for row in rows}


# Intervals -----------------------------------------------------------------------------------------


def plain_interval(values: list[float], resamples: int, seed: int) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of the means of resamples, drawn one by one."""
    random = np.random.default_rng(seed)
    means = []
    for _ in range(resamples):
        drawn = random.integers(len(values), size=len(values))
        means.append(fmean(values[number] for number in drawn))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def test_intervals_are_the_percentile_bootstrap_over_queries(store: Store) -> None:
    for judge in get_args(Judge):
        found = store.evaluate(["one", "two"], judge, Bootstrap(resamples=200, seed=7))
        assert [row["run"] for row in found.comparison] == ["one", "two"]
        slices = [(row, {}) for row in found.comparison]
        slices += [(row, {"relation": row["relation"]}) for row in found.by_relation]
        slices += [(row, {"frequency_bucket": row["frequency_bucket"]}) for row in found.by_frequency_bucket]
        assert len(slices) > 10
        judged = {run: metrics(store.database, run, judge).values() for run in ("one", "two")}
        for row, kept in slices:
            assert_intervals(row, [one for one in judged[row["run"]] if one.items() >= kept.items()])


def assert_intervals(row: dict[str, Any], queries: list[dict[str, Any]]) -> None:
    for figure, name in FIGURES.items():
        values = [one[name] for one in queries if one[name] is not None]
        if len(values) < 2:  # one query says nothing of how far its figure can be trusted
            assert row[f"{figure}_low"] is None
            continue
        found = (row[f"{figure}_low"], row[f"{figure}_high"])
        assert found == pytest.approx(plain_interval(values, 200, 7), abs=1e-12)
        assert found[0] - 1e-12 <= row[figure] <= found[1] + 1e-12


def test_an_interval_holds_its_mean_where_all_values_are_the_same() -> None:
    values = np.full((7, 2), 0.1)
    low, high = bootstrap_interval(values, Bootstrap(50))
    assert (low <= values.mean(axis=0)).all()
    assert (high >= values.mean(axis=0)).all()
    assert np.allclose(high, low, atol=1e-12)


def test_large_sets_are_drawn_in_parts_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=(50, 3))
    whole = bootstrap_interval(values, Bootstrap(101, seed=3))
    monkeypatch.setattr("trackstar_db.evaluation.evaluate.DRAWS_AT_ONCE", 130)
    parts = bootstrap_interval(values, Bootstrap(101, seed=3))
    assert np.array_equal(whole, parts)


def test_a_stale_interval_is_not_shown(store: Store) -> None:
    before = store.evaluate(["one"]).comparison[0]
    assert before["mrr_low"] < before["mrr"] < before["mrr_high"]
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.annotation WHERE fact_id IN ('f1', 'f2', 'f3', 'f4', 'f5')")
    statement = "SELECT * FROM tda.method_comparison WHERE run = 'one' AND judge = 'annotation'"
    (after,) = select(store.database, statement)
    assert after["mrr"] < before["mrr"]
    assert (after["mrr_low"], after["mrr_high"], after["recall_at_10_low"]) == (None, None, None)
    assert after["tail_patch_delta_low"] == before["tail_patch_delta_low"]  # its figure is as it was
    assert store.evaluate(["one"]).comparison[0]["mrr_low"] is not None


def test_evaluating_again_gives_the_same_rows(store: Store) -> None:
    statement = (
        "SELECT run_id, judge, metric, slice, slice_value, queries, value, low, high FROM trackstar.metric_interval"
    )
    store.evaluate(["*"])
    first = select(store.database, statement + " ORDER BY 1, 2, 3, 4, 5")
    store.evaluate(["two", "one"])  # a part of the runs, in another order
    assert select(store.database, statement + " ORDER BY 1, 2, 3, 4, 5") == first
    store.evaluate(["one"], bootstrap=Bootstrap(seed=1))
    assert select(store.database, statement + " ORDER BY 1, 2, 3, 4, 5") != first


def test_an_evaluation_that_fails_leaves_what_was_there(store: Store) -> None:
    store.evaluate(["one"], "ais")
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.entailment_label")
    with pytest.raises(EncodingIncomplete, match="trackstar judge entailment"):
        store.evaluate(["one"], "ais")
    (count,) = select(store.database, "SELECT count(*) FROM trackstar.metric_interval")
    assert count["count"] > 0


def test_unknown_runs_and_judges_are_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="no run named 'three'; the database has: one, two, gold"):
        store.evaluate(["one", "three"])
    with pytest.raises(InputError, match="expected one of: annotation, ais, tail_patch"):
        store.evaluate(["one"], "gold")  # type: ignore[arg-type]


def test_runs_that_no_labeler_was_chosen_for_are_named(store: Store) -> None:
    (notice,) = (one for one in store.evaluate(["one", "two"], "ais").notices if "labeler" in one)
    assert notice.startswith("No labeler judges two: labels of any labeler count")
    assert not any("labeler" in one for one in store.evaluate(["one"], "ais").notices)


def test_what_does_not_compare_is_said(store: Store) -> None:
    assert store.evaluate(["one", "two"]).notices == ()
    with store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.run_query WHERE run_id = 3 AND query_id <= 2")
    (notice,) = (one for one in store.evaluate(["*"]).notices if "judged" in one)
    assert "gold: 10, one: 12, two: 12" in notice
    with store.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.query_set (name) VALUES ('other')")
        connection.execute("UPDATE trackstar.run SET query_set_id = 2 WHERE name = 'two'")
        connection.execute("UPDATE trackstar.query SET query_set_id = 2 WHERE query_id > 6")
    assert any("one: asked, two: other" in notice for notice in store.evaluate(["one", "two"]).notices)


# The chart -----------------------------------------------------------------------------------------


def test_the_chart_names_every_method_in_both_formats_and_is_the_same_twice(store: Store, tmp_path: Path) -> None:
    found = store.evaluate(["*"])
    written = draw_chart(found, tmp_path / "chart")
    assert written == [tmp_path / "chart.png", tmp_path / "chart.svg"]
    png, svg = (path.read_bytes() for path in written)
    assert png.startswith(b"\x89PNG")
    for name in (b"method_one", b"method_two", b"method_gold"):
        assert svg.count(b">" + name + b"<") == 3  # in each panel, as words
    assert b"dc:date" not in svg
    assert draw_chart(found, tmp_path / "again.svg") == [tmp_path / "again.svg"]
    assert (tmp_path / "again.svg").read_bytes() == svg


def test_names_in_a_chart_do_not_overlap(store: Store) -> None:
    from trackstar_db.evaluation.chart_labels import _spread

    places = _spread([1.0, 1.1, 1.2, 5.0, 5.1, 40.0], step=2.0, lowest=0.0, highest=40.0)
    gaps = np.diff(places)
    assert gaps.min() >= 2 - 1e-9
    assert places[0] >= 0
    assert places[-1] <= 38
    assert math.isclose(fmean(places[3:5]), 6.05, abs_tol=1.1)


def test_what_cannot_be_drawn_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.jpg; expected \.png, \.svg"):
        chart_paths(tmp_path / "chart.jpg")
    with pytest.raises(InputError, match="cannot write"):
        draw_chart(store.evaluate(["one"]), tmp_path / "nowhere" / "chart.svg")
    with pytest.raises(EncodingIncomplete, match="tail-patch against MRR"):
        draw_chart(store.evaluate(["one"], "tail_patch"), tmp_path / "chart.svg")
    assert list(tmp_path.iterdir()) == []
