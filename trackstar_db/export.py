"""Runs in the data release's retrieval-result format: one JSON object a query, as its viewer opens it.

A run that was imported gives back its records as they came. One that was made here is written from what the
tables say of its queries: `8b_` stands for the run's model, whatever its size, and `c4_frequency` for the largest
frequency that was counted of its fact, in whatever corpus.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.errors import NotFound
from trackstar_db.output_file import open_output
from trackstar_db.progress import progress_bar

FETCHED_ROWS = 20
"""Records that are in memory at a time."""


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote."""

    run: str
    records: int
    proponents: int
    opponents: int
    seconds: float


def export_results(database: Database, run: str, output: str | Path | None = None) -> ExportSummary:
    """What was written: the run's records as JSON Lines.

    output: a file, written whole or not at all, compressed where its name ends in .gz or .zst; None or `-` is
        standard output
    Raises NotFound for an unknown run, InputError for a file that cannot be written.
    """
    began = time.perf_counter()
    records = proponents = opponents = 0
    with database.connect() as connection:
        run_id, is_imported, total = _find(connection, run)
        with open_output(output) as stream, progress_bar(total, "export", "record") as bar:
            for record in _records(connection, run_id, is_imported):
                stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n")
                records += 1
                proponents += len(record.get("proponent_scores") or ())
                opponents += len(record.get("opponent_scores") or ())
                bar.update()
    return ExportSummary(run, records, proponents, opponents, time.perf_counter() - began)


def results(database: Database, run: str) -> Iterator[dict[str, Any]]:
    """The run's records one after another, in the order in which they were imported or their queries loaded.

    Raises NotFound for an unknown run.
    """
    with database.connect() as connection:
        run_id, is_imported, _ = _find(connection, run)
        yield from _records(connection, run_id, is_imported)


def _find(connection: Connection[TupleRow], run: str) -> tuple[int, bool, int]:
    """The run's number, whether it was imported, and its queries; what is read from here on does not change."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    row = connection.execute(query("export_run"), {"name": run}).fetchone()
    if row is None:
        raise NotFound(f"no run named {run!r}. See: trackstar run list")
    run_id, is_imported, total = row
    return run_id, is_imported, total


def _records(connection: Connection[TupleRow], run_id: int, is_imported: bool) -> Iterator[dict[str, Any]]:
    statement = query("export_imported" if is_imported else "export_computed")
    with connection.cursor("export", row_factory=dict_row) as cursor:
        cursor.itersize = FETCHED_ROWS
        cursor.execute(statement, {"run_id": run_id}, binary=True)
        for row in cursor:
            yield _as_it_came(row) if is_imported else _known(row)


def _as_it_came(row: dict[str, Any]) -> dict[str, Any]:
    """The imported record: its fields in its order, from what was kept or else from the tables."""
    kept = row["metadata"]
    return {name: kept[name] if name in kept else row[name] for name in row["fields"]}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
