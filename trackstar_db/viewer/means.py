"""Mean metrics over what a filter leaves: exact where that is quick, else over one of every n queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from trackstar_db.viewer.filters import Filter
from trackstar_db.viewer.lists import Run, judged, source
from trackstar_db.viewer.sampling import EVERY, Sample, one_of_every, share
from trackstar_db.viewer.statements import Statements

CELL_FIELDS = {"relation", "bucket"}
"""What the cells of a heat map can be filtered by."""

SLOW_FIELDS = {"kind"}
"""What takes too long to ask of every query of many."""

MOST_QUERIES = 25_000
MOST_LIVE = 500
MOST_BY_THRESHOLD = 1_000
FEW = 30
"""Queries of a sample: fewer tell too little, and all are looked at instead."""
LABELLED = Sample(1, sql.SQL("o.best_ais_score IS NOT NULL"), {})


@dataclass(frozen=True)
class Mean:
    """Means over the queries that a judge has something to say of.

    judge: annotation or ais; queries: behind the means, of those that were looked at; the means are None without any
    every: n where one of every n queries of the run was looked at, 1 for all
    """

    judge: str
    queries: int
    mrr: float | None
    recall_at_10: float | None
    precision_at_10: float | None
    every: int = 1


@dataclass(frozen=True)
class Means:
    """Mean metrics.

    queries: what the filter leaves; reckoned, where every > 1
    every: 1 where each query of the run was looked at; n where one of every n was; of AIS, `ais` says it
    confidence: mean, from 0 to 1, and correct: share of right answers; None where they were not looked at
    tail_patch_delta: percentage points, and tail_patch_queries: with one; reckoned, where every > 1
    threshold: above which an AIS score counts for `ais`
    has_ais: a query that the filter leaves was labelled: another threshold makes other means
    """

    queries: int
    every: int
    annotation: Mean
    ais: Mean
    threshold: float
    confidence: float | None
    correct: float | None
    tail_patch_delta: float | None
    tail_patch_queries: int
    has_ais: bool = False


def means(
    statements: Statements, run: Run, filter: Filter, threshold: float | None = None, chosen: Sample | None = None
) -> Means:
    """Means over what the filter leaves of the run.

    threshold: of AIS scores, from 0 to 1; None is the run's
    chosen: the queries to look at: `EVERY` one, however long it takes, or `these`; None where it should be quick
    """
    if threshold is None:
        threshold = run.ais_threshold
    if chosen is None and _is_of_cells(statements, run, filter):
        found = _of_cells(statements, run, filter)
    else:
        found = _of_queries(statements, run, filter, chosen)
    ais = found.ais
    if threshold != run.ais_threshold and ais.queries:
        ais = _by_threshold(statements, run, filter, threshold, ais, chosen)
    return replace(found, ais=ais, threshold=threshold, has_ais=found.ais.queries > 0)


def _is_of_cells(statements: Statements, run: Run, filter: Filter) -> bool:
    """Whether cells tell the means, and how many queries are left: those hold the judged ones alone.

    Few queries are looked at themselves, which tells more.
    """
    if not run.is_refreshed or run.queries <= MOST_QUERIES or not filter.fields <= CELL_FIELDS:
        return False
    return not filter.fields or sum(row["queries"] for row in judged(statements, run)) == run.queries


def _of_cells(statements: Statements, run: Run, filter: Filter) -> Means:
    """Of what was averaged by relation and bucket: as quick for a million queries."""
    rows = statements.mappings(
        "viewer_means_of_cells", {"run": run.name, **filter.parameters}, condition=filter.condition
    )
    judges = {row.pop("judge"): row for row in rows}
    queries = judges["annotation"]["queries"] if "annotation" in judges else 0
    tried = max(rows, key=lambda row: row["tail_patch_queries"], default={})
    return Means(
        queries if filter.fields else run.queries,
        every=1,
        annotation=_mean("annotation", judges.get("annotation")),
        ais=_mean("ais", judges.get("ais")),
        threshold=run.ais_threshold,
        confidence=None,
        correct=None,
        tail_patch_delta=tried.get("tail_patch_delta"),
        tail_patch_queries=tried.get("tail_patch_queries", 0),
    )


def _of_queries(statements: Statements, run: Run, filter: Filter, chosen: Sample | None) -> Means:
    """Of the queries themselves."""
    sample = chosen or one_of_every(share(run.queries, MOST_QUERIES if run.is_refreshed else MOST_LIVE), run.queries)
    every, row = sample.every, _averaged(statements, run, filter, sample)
    is_quick = run.is_refreshed and not filter.fields & SLOW_FIELDS
    if every > 1 and is_quick and row["queries"] < FEW:
        every, row = 1, _averaged(statements, run, filter, EVERY)
    of_ais, labelled = every, row
    if every > 1 and is_quick and row["labelled"] < FEW:
        of_ais, labelled = 1, _averaged(statements, run, filter, LABELLED)
    return Means(
        min(row["queries"] * every, run.queries),
        every,
        Mean("annotation", row["annotated"], row["mrr"], row["recall_at_10"], row["precision_at_10"], every),
        Mean(
            "ais", labelled["labelled"], labelled["ais_mrr"], labelled["ais_recall_at_10"],
            labelled["ais_precision_at_10"], of_ais,
        ),
        run.ais_threshold,
        row["confidence"],
        row["correct"],
        row["tail_patch_delta"],
        min(row["tail_patch_queries"] * every, run.queries),
    )  # fmt: skip


def _averaged(statements: Statements, run: Run, filter: Filter, sample: Sample) -> dict[str, Any]:
    """Means over those queries of the sample that the filter leaves."""
    (row,) = statements.mappings(
        "viewer_means",
        {"run_id": run.run_id, **filter.parameters, **sample.parameters},
        source=source(run),
        sample=sample.condition,
        condition=filter.condition,
    )
    return row


def _by_threshold(
    statements: Statements, run: Run, filter: Filter, threshold: float, labelled: Mean, chosen: Sample | None
) -> Mean:
    """By another threshold than the run's: of the proponents of some queries.

    labelled: by the run's threshold, over the same queries
    """
    left = labelled.queries * labelled.every if run.is_refreshed else run.queries
    sample = chosen or one_of_every(share(left, MOST_BY_THRESHOLD), run.queries)
    (row,) = statements.mappings(
        "viewer_means_by_threshold",
        {
            "run_id": run.run_id, "run": run.name, "threshold": threshold, **filter.parameters, **sample.parameters,
        },
        source=source(run),
        sample=sample.condition,
        condition=filter.condition,
    )  # fmt: skip
    return Mean("ais", row["queries"], row["mrr"], row["recall_at_10"], row["precision_at_10"], sample.every)


def _mean(judge: str, row: dict[str, Any] | None) -> Mean:
    if row is None:
        return Mean(judge, 0, None, None, None)
    return Mean(judge, row["queries"], row["mrr"], row["recall_at_10"], row["precision_at_10"])
