"""Relation by frequency bucket: a metric's mean in each cell, and the filter that leaves the cell's queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from trackstar_db.errors import InputError
from trackstar_db.viewer.filters import clause, combined
from trackstar_db.viewer.lists import Run
from trackstar_db.viewer.statements import Statements


@dataclass(frozen=True)
class Metric:
    """What a heat map shows.

    judge: whose means; column: of tda.metric_heat_map; field: of filters, which is empty where the judge says nothing
    is_share: from 0 to 1, else percentage points
    """

    label: str
    judge: str
    column: str
    field: str
    is_share: bool = True


METRICS: dict[str, Metric] = {
    "recall": Metric("recall@10", "annotation", "recall_at_10", "recall"),
    "mrr": Metric("MRR", "annotation", "mrr", "mrr"),
    "precision": Metric("precision@10", "annotation", "precision_at_10", "precision"),
    "ais_recall": Metric("recall@10 (AIS)", "ais", "recall_at_10", "ais_recall"),
    "ais_mrr": Metric("MRR (AIS)", "ais", "mrr", "ais_mrr"),
    "ais_precision": Metric("precision@10 (AIS)", "ais", "precision_at_10", "ais_precision"),
    "tail_patch": Metric("tail-patch", "tail_patch", "tail_patch_delta", "tail_patch", is_share=False),
}


@dataclass(frozen=True)
class Cell:
    """value: the metric's mean; queries: behind it; filter: the text that leaves the cell's queries."""

    value: float | None
    queries: int
    filter: str


@dataclass(frozen=True)
class Row:
    """A relation: its cells by bucket, and all of them together."""

    relation: str | None
    cells: dict[int | None, Cell]
    whole: Cell


@dataclass(frozen=True)
class FlatCell:
    """A cell of relation and bucket, with where it stands; metric: a name of METRICS."""

    metric: str
    relation: str | None
    frequency_bucket: int | None
    queries: int
    value: float | None


@dataclass(frozen=True)
class HeatMap:
    """A metric by relation (rows, most queries first) and bucket (columns, those that occur).

    whole: by bucket; every: all cells together
    low, high: of the cells' values, for the shading; refreshed_at: None before the first refresh
    """

    metric: Metric
    buckets: list[int | None]
    rows: list[Row]
    whole: dict[int | None, Cell]
    every: Cell
    low: float
    high: float
    refreshed_at: datetime | None


def heat_map(statements: Statements, run: Run, metric: str) -> HeatMap:
    """The heat map of a run; metric: a name of METRICS. Raises InputError for another."""
    if metric not in METRICS:
        raise InputError(f"There is no metric called {metric[:60]!r}; there are {', '.join(METRICS)}.")
    chosen = METRICS[metric]
    found = statements.mappings(
        "viewer_heat_map",
        {"run": run.name, "judge": chosen.judge},
        column=sql.Identifier(chosen.column),
        queries=sql.Identifier("queries" if chosen.is_share else "tail_patch_queries"),
    )
    by_relation: dict[str | None, list[dict[str, Any]]] = {}
    by_bucket: dict[int | None, list[dict[str, Any]]] = {}
    for row in found:
        by_relation.setdefault(row["relation"], []).append(row)
        by_bucket.setdefault(row["frequency_bucket"], []).append(row)
    is_judged = "" if sum(row["queries"] for row in found) == run.queries else f"{chosen.field} is not empty"
    rows = [_row(relation, rows, is_judged) for relation, rows in by_relation.items()]
    values = [cell.value for row in rows for cell in row.cells.values() if cell.value is not None]
    return HeatMap(
        chosen,
        sorted(by_bucket, key=_order),
        sorted(rows, key=lambda row: (-row.whole.queries, row.relation or "")),
        {bucket: _cell(rows, clause("bucket", bucket), is_judged) for bucket, rows in by_bucket.items()},
        _cell(found, is_judged),
        min(values, default=0.0),
        max(values, default=0.0),
        found[0]["refreshed_at"] if found else run.refreshed_at,
    )


def flat(found: HeatMap, metric: str) -> list[FlatCell]:
    """The cells of a heat map, row by row; metric: its name."""
    return [
        FlatCell(metric, row.relation, bucket, cell.queries, cell.value)
        for row in found.rows
        for bucket, cell in sorted(row.cells.items(), key=lambda item: _order(item[0]))
    ]


def _row(relation: str | None, rows: list[dict[str, Any]], is_judged: str) -> Row:
    """The row of a relation, as people call it: several may be called the same."""
    named = clause("relation", relation)
    by_bucket: dict[int | None, list[dict[str, Any]]] = {}
    for row in rows:
        by_bucket.setdefault(row["frequency_bucket"], []).append(row)
    cells = {bucket: _cell(found, named, clause("bucket", bucket), is_judged) for bucket, found in by_bucket.items()}
    return Row(relation, cells, _cell(rows, named, is_judged))


def _cell(rows: list[dict[str, Any]], *filters: str) -> Cell:
    """The rows together, weighed by their queries."""
    queries = sum(row["queries"] for row in rows)
    weighed = sum(row["value"] * row["queries"] for row in rows if row["value"] is not None)
    return Cell(weighed / queries if queries else None, queries, combined(*filters))


def _order(bucket: int | None) -> int:
    return -1 if bucket is None else bucket
