"""A text of SQL that a person or a program gives, run by a login that can only read.

What keeps the text to reading is who is logged in, not what the text says: the session belongs to tda_reader, or to a
person's own role that has no more, so that nothing in the text (RESET ROLE, set_config, COMMIT) can make it another's.
Besides, the text is the query of one cursor, sent by the extended protocol, which takes a single statement; it runs in
a read-only transaction that is always rolled back, under a time limit, in a session that no other text shares.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import RawCursor, sql
from psycopg.adapt import Buffer
from psycopg.types.string import TextLoader

from trackstar_db.database.engine import Connection, Database, open_database
from trackstar_db.database.json_values import JsonText
from trackstar_db.database.queries import query
from trackstar_db.database.refusals import loaded, refuse_unsendable, refusing, timed_out
from trackstar_db.database.revision import code_state
from trackstar_db.database.roles import READER
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable, SchemaOutOfDate

ROWS_AT_ONCE = 100
STATEMENT_SECONDS = 60.0
DECLARE = "DECLARE answer NO SCROLL CURSOR FOR\n"
NUMBERS = ("int2", "int4", "int8", "oid", "float4", "float8", "numeric")
# All other types are read as the text that PostgreSQL prints: an interval or a date before Christ is no Python value.
KEPT_TYPES = (*NUMBERS, "bool", "text", "varchar", "bpchar", "name")
JSON_TYPES = ("json", "jsonb")

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    """A column of an answer; is_number: it counts or measures, and stands to the right in a table."""

    name: str
    is_number: bool


@dataclass(frozen=True)
class Answer:
    """What a statement found: its columns, and its rows as they are fetched, some at a time."""

    columns: tuple[Column, ...]
    batches: Iterator[list[Row]]


def open_reader(url: str | None = None) -> Database:
    """The database at a URL (else the environment's, else the embedded server's), as `reader_of` gives it."""
    return reader_of(open_database(url))


def reader_of(database: Database) -> Database:
    """The database by a login that can only read: its own where that can do no more; else tda_reader's.

    Raises DatabaseUnsuitable where neither is possible, SchemaOutOfDate where the database is not at the code's views.
    """
    with database.session() as connection:
        standing = connection.execute(query("reader_standing"), {}).fetchone()
    role, is_reader, has_tables, objects = standing or ("", False, False, None)
    if not has_tables:
        raise SchemaOutOfDate("The database has no tables of trackstar yet. Run: trackstar init")
    if objects != code_state().objects:
        raise SchemaOutOfDate("The database has views of another version. Run: trackstar init")
    if is_reader:
        return database
    reader = database.as_role(READER)
    try:
        with reader.session():
            pass
    except DatabaseUnavailable as error:
        raise DatabaseUnsuitable(
            f"SQL is run by a login that can only read; the role {role} can do more, and {READER} cannot log in at "
            f"{database.address}: {str(error.__cause__).strip()}\n"
            f"Give the URL of a role that was granted {READER} and nothing else, or let {READER} log in (as a "
            f"superuser: ALTER ROLE {READER} LOGIN PASSWORD '…') and write its password in ~/.pgpass."
        ) from error
    return reader


@contextmanager
def answer(
    reader: Database,
    text: str,
    parameters: Sequence[str] = (),
    seconds: float = STATEMENT_SECONDS,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[Answer]:
    """What one SELECT (also WITH, VALUES, TABLE) finds, from a reader of `open_reader`.

    text: with $1, $2… for the parameters, which are sent beside it and get their types from where they stand
    seconds: that the database may work on it; what is done between two batches does not count
    rows_at_once: rows of one batch, which are in memory together

    Raises StatementRefused.
    """
    refuse_unsendable(text, *parameters)
    with reader.session() as connection, connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute("SET LOCAL cursor_tuple_fraction = 1")  # all rows are wanted, not the first ones soon
        connection.execute("SET LOCAL datestyle = 'ISO'")
        limit = _TimeLimit(connection, seconds)
        with refusing(text, len(DECLARE)):
            try:
                with limit.running():
                    # Prepared, it goes by the extended protocol even without parameters.
                    RawCursor(connection).execute((DECLARE + text).encode(), parameters, prepare=True)
                cursor = RawCursor(_read_as_printed(connection))
                first = _fetch(cursor, limit, rows_at_once)
                yield Answer(_columns(cursor), _batches(cursor, limit, rows_at_once, first))
            except psycopg.errors.QueryCanceled as error:
                raise timed_out(seconds) from error


class _TimeLimit:
    """The time that a statement has left. Set before each part of it: a text can change the session's settings."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection = connection
        self._seconds = self._left = seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        if self._left <= 0:
            raise timed_out(self._seconds)
        milliseconds = max(1, round(self._left * 1000))
        self._connection.execute("SELECT set_config('statement_timeout', %s, true)", (str(milliseconds),))
        began = time.monotonic()
        yield
        self._left -= time.monotonic() - began


def _batches(cursor: RawCursor[Row], limit: _TimeLimit, count: int, batch: list[Row]) -> Iterator[list[Row]]:
    while batch:
        yield batch
        batch = _fetch(cursor, limit, count) if len(batch) == count else []


def _fetch(cursor: RawCursor[Row], limit: _TimeLimit, count: int) -> list[Row]:
    with limit.running():
        return loaded(cursor.execute(sql.SQL("FETCH {} FROM answer").format(count)))


def _columns(cursor: RawCursor[Row]) -> tuple[Column, ...]:
    types = cursor.adapters.types
    numbers = {types[name].oid for name in NUMBERS}
    return tuple(Column(column.name, column.type_code in numbers) for column in cursor.description or ())


def _read_as_printed(connection: Connection) -> Connection:
    """The connection, which from now on gives Python values for plain types and PostgreSQL's own text for others."""
    adapters = connection.adapters
    kept = {adapters.types[name] for name in (*KEPT_TYPES, *JSON_TYPES)}
    for info in adapters.types:
        if info not in kept:
            adapters.register_loader(info.oid, TextLoader)
            if info.array_oid:
                adapters.register_loader(info.array_oid, TextLoader)
    for name in JSON_TYPES:
        adapters.register_loader(name, _JsonLoader)
    return connection


class _JsonLoader(TextLoader):
    def load(self, data: Buffer) -> JsonText:
        return JsonText(super().load(data))
