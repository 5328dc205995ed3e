"""SQLite files of tables, whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Boolean, Column, Float, Integer, MetaData, Table, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from trackstar_db.errors import InputError
from trackstar_db.frames.formats import json_text, plain_values
from trackstar_db.output_file import begun_file

DIALECT = sqlite.dialect(paramstyle="qmark")


@contextmanager
def open_sqlite(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A new SQLite file, which takes its name and the place of one that was there when the block ends well.

    Raises InputError where it cannot be written.
    """
    with begun_file(path) as begun:
        try:
            with closing(sqlite3.connect(begun)) as file:
                file.execute("PRAGMA journal_mode = OFF")  # what is not finished is thrown away whole
                file.execute("PRAGMA synchronous = OFF")
                yield file
                file.commit()
        except sqlite3.Error as error:
            raise InputError(f"cannot write {path}: {error}. Name a file that can be written.") from error


def write_table(file: sqlite3.Connection, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Nothing; a table of INTEGER, REAL, BOOLEAN (0 and 1) and TEXT: times by ISO 8601, lists as JSON.

    SQLite has no NaN: it becomes NULL.
    """
    columns = [Column(field.name, _affinity(field.type)) for field in schema]
    table = Table(name, MetaData(), *columns)
    file.execute(str(CreateTable(table).compile(dialect=DIALECT)))
    insert = str(table.insert().compile(dialect=DIALECT))
    rows = chain.from_iterable(zip(*map(_values, batch.columns), strict=True) for batch in batches)
    file.executemany(insert, rows)


def _values(column: pa.Array) -> Iterable[object]:
    if pa.types.is_list(column.type):
        return [None if value is None else json_text(value) for value in column.to_pylist()]
    return plain_values(column)


def _affinity(kind: pa.DataType) -> type[Integer] | type[Float[float]] | type[Boolean] | type[Text]:
    if pa.types.is_boolean(kind):
        return Boolean
    if pa.types.is_integer(kind):
        return Integer
    return Float if pa.types.is_floating(kind) else Text
