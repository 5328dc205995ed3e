"""Rows on their way into the database: COPY into a temporary table, from where SQL takes them as a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import psycopg
from psycopg import Connection
from psycopg.errors import DataError, InternalError_, ProgramLimitExceeded, StatementTooComplex
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.decide import Decision

Staged: TypeAlias = tuple[int, tuple[object, ...]]  # a line of the source, and the values made from it

# The last is what a value beyond 1 GB in memory ends with: "invalid memory alloc request size".
_REFUSALS = (DataError, ProgramLimitExceeded, StatementTooComplex, InternalError_)


class RowsRefused(Exception):
    """PostgreSQL cannot keep some values: reasons by line. The part is tried again without these lines."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(f"{len(reasons)} rows refused")
        self.reasons = dict(reasons)


class Overtaken(Exception):
    """Another transaction wrote a row between our look and our write. The part is tried again."""


@dataclass
class Stored:
    """What became of the rows of one part.

    rejections: reasons by line; differing: places of records that differ from a stored row which was kept
    queries: inserted, updated and skipped queries that were made of facts
    """

    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    rejections: dict[int, str] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    queries: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, decision: Decision[Any], rejections: Mapping[int, str] | None = None) -> Stored:
        """What a decision comes to once it is written."""
        counts = decision.inserted, decision.updated, decision.skipped
        return cls(*counts, dict(rejections or {}), decision.differing)


def stage(connection: Connection[TupleRow], name: str, rows: Sequence[Staged]) -> None:
    """Nothing; the rows stand, numbered from 0, in an emptied temporary table.

    load_NAME_stage makes the table, load_NAME_copy fills it.
    Raises RowsRefused with every row that PostgreSQL cannot keep.
    """
    connection.execute(query(f"load_{name}_stage"))
    try:
        _copy(connection, name, rows)
    except _REFUSALS:
        raise RowsRefused(_refused(connection, name, rows)) from None


def _copy(connection: Connection[TupleRow], name: str, rows: Sequence[Staged]) -> None:
    with connection.transaction(), connection.cursor().copy(query(f"load_{name}_copy")) as copy:
        for place, (_, values) in enumerate(rows):
            copy.write_row((place, *values))


def _refused(connection: Connection[TupleRow], name: str, rows: Sequence[Staged]) -> dict[int, str]:
    """PostgreSQL's reasons by line, found by halving."""
    try:
        _copy(connection, name, rows)
    except _REFUSALS as error:
        if len(rows) == 1:
            return {rows[0][0]: f"PostgreSQL cannot keep it: {_first_line(error)}"}
        middle = len(rows) // 2
        return {**_refused(connection, name, rows[:middle]), **_refused(connection, name, rows[middle:])}
    return {}


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).splitlines()[0]


def write_decided(connection: Connection[TupleRow], name: str, decision: Decision[Any], **parameters: object) -> None:
    """Nothing; load_NAME_insert and load_NAME_update have written what was staged as decision.written."""
    new, old = len(decision.to_insert), len(decision.to_update)
    if new:
        write_exactly(connection, f"load_{name}_insert", new, first_update=new, **parameters)
    if old:
        write_exactly(connection, f"load_{name}_update", old, first_update=new, **parameters)


def write_exactly(connection: Connection[TupleRow], name: str, expected: int, **parameters: object) -> None:
    """Nothing; the query has written as many rows as expected, else Overtaken is raised."""
    if connection.execute(query(name), parameters).rowcount != expected:
        raise Overtaken(name)
