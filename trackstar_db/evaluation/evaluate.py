"""How runs compare: means of what judges say of their queries, with bootstrap intervals.

The means are SQL's (tda.method_comparison and its slices). What is computed here is how far they can be trusted:
an interval for each run, metric and slice, stored beside the mean that it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.sql import Identifier

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.errors import EncodingIncomplete, InputError
from trackstar_db.progress import progress_bar
from trackstar_db.search.runs import find_runs

Judge: TypeAlias = Literal["annotation", "ais", "tail_patch"]
Slice: TypeAlias = Literal["all", "relation", "frequency_bucket"]

METRICS = ("mrr", "recall_at_10", "precision_at_10", "tail_patch_delta")
"""Means, in the order of the columns that sql/queries/evaluate_values.sql gives their values in."""

VIEWS: Mapping[Slice, str] = {
    "all": "method_comparison",
    "relation": "metric_by_relation",
    "frequency_bucket": "metric_by_frequency_bucket",
}
ADVICE: Mapping[Judge, str] = {
    "annotation": "they ask for no facts. Judge them by influence alone: trackstar evaluate --judge tail-patch",
    "ais": "no proponent of theirs has an entailment label. Run: trackstar judge entailment --runs NAME --model DIR",
    "tail_patch": "no proponent of theirs has a tail-patch. Run: trackstar judge tail-patch --runs NAME",
}
COVERAGE = (2.5, 97.5)
DRAWS_AT_ONCE = 1 << 20
"""Queries drawn at a time, over all resamples: 8 MB for each metric."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are drawn: how many resamples of the queries, by which random numbers."""

    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """The rows of tda.method_comparison, tda.metric_by_relation and tda.metric_by_frequency_bucket for some runs."""

    comparison: list[dict[str, Any]]
    by_relation: list[dict[str, Any]]
    by_frequency_bucket: list[dict[str, Any]]
    notices: tuple[str, ...]


def evaluate(
    database: Database, runs: Sequence[str], judge: Judge = "annotation", bootstrap: Bootstrap | None = None
) -> Evaluation:
    """How runs compare before a judge; their intervals are stored, all of them or none.

    runs: names, or patterns such as `facts/*`
    Raises NotFound for a run that is not there, InputError for a judge that is none, and
    EncodingIncomplete where the judge has nothing to say of any run.
    """
    bootstrap = bootstrap or Bootstrap()
    if judge not in ADVICE:
        raise InputError(f"judge is {judge!r}; expected one of: {', '.join(ADVICE)}.")
    if bootstrap.resamples < 1:
        raise InputError(f"resamples is {bootstrap.resamples}; expected a whole number from 1.")
    with database.connect() as connection:
        chosen = find_runs(connection, runs)
        _store_intervals(connection, chosen, judge, bootstrap)
        names = list(chosen.values())
        comparison = _means(connection, "all", names, judge)
        missing = [name for name in names if name not in {row["run"] for row in comparison}]
        if not comparison:
            said = judge.replace("_", "-")
            raise EncodingIncomplete(f"judge {said} has nothing to say of {', '.join(names)}: {ADVICE[judge]}")
        return Evaluation(
            comparison,
            _means(connection, "relation", names, judge),
            _means(connection, "frequency_bucket", names, judge),
            (*_notices(comparison, missing, judge), *_unjudged(connection, chosen, judge)),
        )


def bootstrap_interval(
    values: NDArray[np.float64], bootstrap: Bootstrap
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """95 % percentile intervals of means over queries: queries are drawn with replacement, as many as there are.

    The same draws serve every metric, and every run with as many queries: their differences are paired.

    values: [query, metric], at least one query
    returns low, high: [metric], with the mean between them
    """
    random = np.random.default_rng(bootstrap.seed)
    queries, metrics = values.shape
    means = np.empty((bootstrap.resamples, metrics))
    at_once = max(1, DRAWS_AT_ONCE // queries)
    for start in range(0, bootstrap.resamples, at_once):
        block = means[start : start + at_once]
        drawn = random.integers(queries, size=(len(block), queries))
        for metric in range(metrics):
            block[:, metric] = values[:, metric][drawn].mean(axis=1)
    low, high = np.percentile(means, COVERAGE, axis=0)
    mean = values.mean(axis=0)  # rounding may put it an ulp outside where all values are the same
    return np.minimum(low, mean), np.maximum(high, mean)


def _store_intervals(
    connection: Connection[TupleRow], runs: Mapping[int, str], judge: Judge, bootstrap: Bootstrap
) -> None:
    parameters = {"run_ids": list(runs), "judge": judge}
    connection.execute(query("evaluate_lock_runs"), parameters)
    connection.execute(query("evaluate_forget"), parameters)
    with progress_bar(len(runs), "evaluate", "run") as bar:
        for run_id, name in runs.items():
            rows = connection.execute(query("evaluate_values"), {"run": name, "judge": judge}).fetchall()
            with connection.cursor().copy(query("evaluate_copy_intervals")) as copy:
                copy.set_types(["int8", "text", "text", "text", "text", "int8", "float8", "float8", "float8"])
                for interval in _intervals(rows, bootstrap):
                    copy.write_row((run_id, judge, *interval))
            bar.update()


def _intervals(rows: Sequence[tuple[Any, ...]], bootstrap: Bootstrap) -> Iterator[tuple[Any, ...]]:
    """metric, slice, slice_value, queries, value, low, high of every mean of a run."""
    slices: dict[tuple[Slice, str], list[int]] = defaultdict(list)
    for number, (relation, bucket, *_) in enumerate(rows):
        slices["all", ""].append(number)
        slices["relation", relation or ""].append(number)
        slices["frequency_bucket", "" if bucket is None else str(bucket)].append(number)
    values = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), len(METRICS))
    for name, numbers in slices.items():
        for metrics in (slice(0, 3), slice(3, 4)):  # attribution, influence: not every query has both
            part = values[numbers, metrics]
            part = part[~np.isnan(part).any(axis=1)]
            if len(part) < 2:  # one query says nothing of how far its figure can be trusted
                continue
            low, high = bootstrap_interval(part, bootstrap)
            found = zip(METRICS[metrics], part.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
            for metric, *figures in found:
                yield metric, *name, len(part), *figures


def _means(connection: Connection[TupleRow], by: Slice, runs: list[str], judge: Judge) -> list[dict[str, Any]]:
    statement = query("evaluate_means").format(
        view=Identifier(VIEWS[by]), slice=Identifier("mean", "query_set" if by == "all" else by)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, {"runs": runs, "judge": judge}).fetchall()


def _unjudged(connection: Connection[TupleRow], runs: Mapping[int, str], judge: Judge) -> Iterator[str]:
    """Runs that no labeler was chosen for: labels that others' proponents got count for them too."""
    if judge != "ais":
        return
    without = connection.execute(query("evaluate_without_labeler"), {"run_ids": list(runs)}).fetchall()
    if without:
        yield (
            f"No labeler judges {', '.join(name for (name,) in without)}: labels of any labeler count, also where they "
            f"were made for other runs. Choose one: trackstar judge entailment --runs NAME --labeler NAME"
        )


def _notices(comparison: Sequence[Mapping[str, Any]], missing: Sequence[str], judge: Judge) -> Iterator[str]:
    """What a reader of the table should know before comparing its rows."""
    if missing:
        said = judge.replace("_", "-")
        yield f"Not in the table: {', '.join(missing)}; judge {said} has nothing to say of them: {ADVICE[judge]}"
    if len({row["query_set"] for row in comparison}) > 1:
        asked = ", ".join(f"{row['run']}: {row['query_set']}" for row in comparison)
        yield f"The runs asked different query sets ({asked}): figures of different questions do not compare methods."
        return
    for count, what in (("queries", "were judged on"), ("tail_patch_queries", "have a tail-patch on")):
        counts = {row["run"]: row[count] for row in comparison if row[count]}
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{run}: {number}" for run, number in counts.items())
            yield f"The runs {what} different numbers of queries ({found})."
