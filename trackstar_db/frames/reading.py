"""Answers of SQL as Arrow record batches, a few megabytes in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
from psycopg import RawCursor
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.refusals import loaded, refuse_unsendable, refusing
from trackstar_db.errors import StatementRefused
from trackstar_db.frames.arrow_types import arrow_schema, read_for_arrow

FETCHED_ROWS = 200
"""Rows that are Python values at a time."""

BATCH_ROWS, BATCH_BYTES = 65_536, 8 * 2**20
"""A record batch ends at either."""

DECLARE = "DECLARE frame NO SCROLL CURSOR FOR\n"
FETCH = f"FETCH {FETCHED_ROWS} FROM frame".encode()


@dataclass(frozen=True)
class Batches:
    """What a statement finds: the columns, and the rows as they are fetched."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    @property
    def reader(self) -> pa.RecordBatchReader:
        """The batches as other libraries take them."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches)


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """A connection that only reads, all in one state of the database, with values as Arrow takes them."""
    with database.session() as connection, connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL cursor_tuple_fraction = 1")  # all rows are wanted, not the first ones soon
        connection.execute("SET LOCAL timezone = 'UTC'")
        read_for_arrow(connection)
        yield connection


@contextmanager
def open_batches(connection: Connection, text: str, parameters: Sequence[object] = ()) -> Iterator[Batches]:
    """What one SELECT (also WITH, VALUES, TABLE) finds, by a connection of `reading`.

    text: with $1, $2… for the parameters, which are sent beside it and get their types from where they stand

    Raises StatementRefused, also from the batches.
    """
    refuse_unsendable(text, *(given for given in parameters if isinstance(given, str)))
    with refusing(text, len(DECLARE)):
        # Prepared, it goes by the extended protocol even without parameters, which takes a single statement.
        RawCursor(connection).execute((DECLARE + text).encode(), parameters, prepare=True)
    cursor = RawCursor(connection)
    with refusing(text, len(DECLARE)):
        rows = loaded(cursor.execute(FETCH, binary=True))
    schema = arrow_schema(cursor.description or (), connection)
    yield Batches(schema, _batches(cursor, rows, schema, text))
    connection.execute("CLOSE frame")


def _batches(
    cursor: RawCursor[TupleRow], rows: list[TupleRow], schema: pa.Schema, text: str
) -> Iterator[pa.RecordBatch]:
    parts: list[pa.RecordBatch] = []
    rows_held = bytes_held = 0
    with refusing(text, len(DECLARE)):
        for part in chain([_batch(rows, schema)] if rows else [], _fetched(cursor, len(rows), schema)):
            parts.append(part)
            rows_held, bytes_held = rows_held + part.num_rows, bytes_held + part.nbytes
            if rows_held >= BATCH_ROWS or bytes_held >= BATCH_BYTES:
                yield _joined(parts)
                parts, rows_held, bytes_held = [], 0, 0
    if parts:
        yield _joined(parts)


def _fetched(cursor: RawCursor[TupleRow], count: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while count == FETCHED_ROWS:
        rows = loaded(cursor.execute(FETCH, binary=True))
        count = len(rows)
        if rows:
            yield _batch(rows, schema)


def _batch(rows: list[TupleRow], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [_array(column, field) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: Sequence[object], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, type=field.type)
    except pa.ArrowInvalid as error:
        raise StatementRefused(
            f"The column {field.name!r} holds an array in an array, or a value that Arrow's {field.type} cannot hold. "
            "Select it as text: CAST (… AS text)"
        ) from error


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    return parts[0] if len(parts) == 1 else pa.Table.from_batches(parts).combine_chunks().to_batches()[0]
