"""What a database holds and what was begun in it and not finished."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from psycopg import sql
from psycopg.rows import class_row

from trackstar_db import __version__
from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.queries import query
from trackstar_db.database.revision import head_revision, read_state
from trackstar_db.database.server import server_facts

Row = TypeVar("Row")

COUNT_UP_TO = 2_000_000  # rows; larger tables are reported by the planner's estimate


@dataclass(frozen=True)
class TableRows:
    """How many rows a table has."""

    table: str
    rows: int
    is_estimate: bool


@dataclass(frozen=True)
class UnfinishedLoad:
    """A source that a load began; the same command again continues it."""

    kind: str
    destination: str
    source: str
    started_at: datetime


@dataclass(frozen=True)
class UnfinishedEncoding:
    """Documents of a corpus that an encoding has neither stored nor refused."""

    encoding: str
    corpus: str
    documents_left: int


@dataclass(frozen=True)
class UnfinishedSearch:
    """A search that was begun and whose run is not stored; the same command again continues it.

    documents_read, documents: over all passes
    """

    run: str
    method: str
    documents_read: int
    documents: int
    started_at: datetime


@dataclass(frozen=True)
class UnfinishedTailPatch:
    """A run with tail-patches that it is not judged by; the same judge tail-patch again continues them.

    proponents: how many have one
    """

    run: str
    optimizer: str
    learning_rate: float
    proponents: int


@dataclass(frozen=True)
class Status:
    """Versions, revision, rows and unfinished work of one database.

    runs_not_refreshed: those that the views with refreshed_at do not have as they are
    """

    address: str
    trackstar_version: str
    postgresql_version: str
    pgvector_version: str | None
    revision: str | None
    expected_revision: str
    is_current: bool
    rows: tuple[TableRows, ...]
    unfinished_loads: tuple[UnfinishedLoad, ...]
    unfinished_encodings: tuple[UnfinishedEncoding, ...]
    unfinished_searches: tuple[UnfinishedSearch, ...]
    unfinished_tail_patches: tuple[UnfinishedTailPatch, ...]
    runs_not_refreshed: tuple[str, ...]


def status(database: Database) -> Status:
    """The status of a database, set up or not; a database at another revision shows no rows.

    Raises DatabaseUnavailable.
    """
    with database.connect() as connection:
        facts, state = server_facts(connection), read_state(connection)
        has_tables = state.revision == head_revision()
        return Status(
            address=database.address,
            trackstar_version=__version__,
            postgresql_version=facts.version,
            pgvector_version=facts.installed_vector,
            revision=state.revision,
            expected_revision=head_revision(),
            is_current=state.is_current,
            rows=_rows(connection) if has_tables else (),
            unfinished_loads=_all(connection, "status_loads", UnfinishedLoad) if has_tables else (),
            unfinished_encodings=_all(connection, "status_encodings", UnfinishedEncoding) if has_tables else (),
            unfinished_searches=_all(connection, "status_searches", UnfinishedSearch) if has_tables else (),
            unfinished_tail_patches=_all(connection, "status_tail_patches", UnfinishedTailPatch) if has_tables else (),
            runs_not_refreshed=_names(connection, "status_refresh") if has_tables else (),
        )


def _rows(connection: Connection) -> tuple[TableRows, ...]:
    return tuple(
        _count(connection, table, estimate) for table, estimate in connection.execute(query("status_tables")).fetchall()
    )


def _count(connection: Connection, table: str, estimate: int) -> TableRows:
    if estimate > COUNT_UP_TO:
        return TableRows(table, estimate, True)
    counted = connection.execute(sql.SQL("SELECT count(*) FROM trackstar.{}").format(sql.Identifier(table)))
    return TableRows(table, (counted.fetchone() or (0,))[0], False)


def _all(connection: Connection, name: str, row: type[Row]) -> tuple[Row, ...]:
    with connection.cursor(row_factory=class_row(row)) as cursor:
        return tuple(cursor.execute(query(name)).fetchall())


def _names(connection: Connection, name: str) -> tuple[str, ...]:
    return tuple(found for (found,) in connection.execute(query(name)))
