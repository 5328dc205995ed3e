"""Mean metrics over what a filter leaves: exact where that is quick, else over one of every n queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from trackstar_db.viewer.filters import Filter
from trackstar_db.viewer.lists import Run, source
from trackstar_db.viewer.statements import Statements

CELL_FIELDS = {"relation", "bucket"}
"""What the cells of a heat map can be filtered by."""

MOST_QUERIES = 25_000
MOST_LIVE = 500
MOST_BY_THRESHOLD = 2_000
# One of every n in a row, which a hash of the number chooses: every n-th would be alike wherever queries come in turns.
ONE_OF = sql.SQL(
    """o.position = ANY (ARRAY(SELECT n + mod(n * 2654435761, 4294967296) * %(every)s::bigint / 4294967296
                                FROM generate_series(1, %(queries)s::bigint, %(every)s::bigint) n))"""
)


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
    every: 1 where each query of the run was looked at; n where one of every n was (for some figure)
    confidence: mean, from 0 to 1, and correct: share of right answers; None where they were not looked at
    tail_patch_delta: percentage points
    threshold: above which an AIS score counts for `ais`
    """

    queries: int
    every: int
    annotation: Mean
    ais: Mean
    threshold: float
    confidence: float | None
    correct: float | None
    tail_patch_delta: float | None


def means(
    statements: Statements, run: Run, filter: Filter, threshold: float | None = None, is_exact: bool = False
) -> Means:
    """Means over what the filter leaves of the run.

    threshold: of AIS scores, from 0 to 1; None is the run's
    is_exact: look at every query, however long it takes
    """
    if threshold is None:
        threshold = run.ais_threshold
    if run.is_refreshed and filter.fields <= CELL_FIELDS:
        found = _of_cells(statements, run, filter)
    else:
        found = _of_queries(statements, run, filter, is_exact)
    ais = found.ais
    if threshold != run.ais_threshold and ais.queries:
        ais = _by_threshold(statements, run, filter, threshold, is_exact)
    return replace(found, ais=ais, threshold=threshold, every=max(found.every, ais.every))


def _of_cells(statements: Statements, run: Run, filter: Filter) -> Means:
    """Of what was averaged by relation and bucket: as quick for a million queries."""
    rows = statements.mappings(
        "viewer_means_of_cells", {"run": run.name, **filter.parameters}, condition=filter.condition
    )
    judges = {row.pop("judge"): row for row in rows}
    queries = max((row["queries"] for row in rows), default=0) if filter.fields else run.queries
    delta = next((row["tail_patch_delta"] for row in rows if row["tail_patch_delta"] is not None), None)
    return Means(
        queries,
        every=1,
        annotation=_mean("annotation", judges.get("annotation")),
        ais=_mean("ais", judges.get("ais")),
        threshold=run.ais_threshold,
        confidence=None,
        correct=None,
        tail_patch_delta=delta,
    )


def _of_queries(statements: Statements, run: Run, filter: Filter, is_exact: bool) -> Means:
    """Of the queries themselves."""
    every = 1 if is_exact else _every(run, MOST_QUERIES if run.is_refreshed else MOST_LIVE)
    parameters = {"run_id": run.run_id, **filter.parameters}
    sample, of_sample = _sample(run, every)
    (row,) = statements.mappings(
        "viewer_means", parameters | of_sample, source=source(run), sample=sample, condition=filter.condition
    )
    return Means(
        row["queries"] * every,
        every,
        Mean("annotation", row["annotated"], row["mrr"], row["recall_at_10"], row["precision_at_10"], every),
        Mean("ais", row["labelled"], row["ais_mrr"], row["ais_recall_at_10"], row["ais_precision_at_10"], every),
        run.ais_threshold,
        row["confidence"],
        row["correct"],
        row["tail_patch_delta"],
    )


def _by_threshold(statements: Statements, run: Run, filter: Filter, threshold: float, is_exact: bool) -> Mean:
    """By another threshold than the run's: of the proponents of some queries."""
    every = 1 if is_exact else _every(run, MOST_BY_THRESHOLD)
    sample, of_sample = _sample(run, every)
    parameters = {"run_id": run.run_id, "run": run.name, "threshold": threshold, **filter.parameters, **of_sample}
    (row,) = statements.mappings(
        "viewer_means_by_threshold", parameters, source=source(run), sample=sample, condition=filter.condition
    )
    return Mean("ais", row["queries"], row["mrr"], row["recall_at_10"], row["precision_at_10"], every)


def _mean(judge: str, row: dict[str, Any] | None) -> Mean:
    if row is None:
        return Mean(judge, 0, None, None, None)
    return Mean(judge, row["queries"], row["mrr"], row["recall_at_10"], row["precision_at_10"])


def _every(run: Run, most: int) -> int:
    return max(1, -(-run.queries // most))


def _sample(run: Run, every: int) -> tuple[sql.SQL, dict[str, object]]:
    """The condition that leaves one of every n queries of the run, and its parameters."""
    if every == 1:
        return sql.SQL("true"), {}
    return ONE_OF, {"queries": run.queries, "every": every}
