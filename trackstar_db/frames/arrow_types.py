"""PostgreSQL's types as Arrow's, and the values that psycopg reads for them.

Integers, floats, texts and booleans keep their width. `timestamptz` is a timestamp in microseconds, UTC. JSON is text,
which every program's JSON functions take. `numeric`, which averages and sums of SQL are, becomes a float. A field's
metadata name PostgreSQL's own type, as ADBC's do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

import psycopg
import pyarrow as pa
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format
from psycopg.types.numeric import NumericBinaryLoader

from trackstar_db.database.engine import Connection
from trackstar_db.database.refusals import named_once
from trackstar_db.errors import StatementRefused

TYPE_KEY = b"POSTGRESQL:type"
JSON_TYPES = (b"json", b"jsonb")

ARROW_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "numeric": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "name": pa.string(),
    "uuid": pa.string(),
    "json": pa.string(),
    "jsonb": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(columns: Sequence[psycopg.Column], connection: Connection) -> pa.Schema:
    """The columns of an answer as Arrow has them.

    Raises StatementRefused where there is none, two have one name, or Arrow has nothing for a type.
    """
    if not columns:
        raise StatementRefused("The statement selects no column. Select one at least.")
    named_once(column.name for column in columns)
    return pa.schema([_field(column, connection) for column in columns])


def is_json(field: pa.Field) -> bool:
    """Whether a column holds texts that are JSON."""
    return (field.metadata or {}).get(TYPE_KEY) in JSON_TYPES


def read_for_arrow(connection: Connection) -> None:
    """Nothing; binary values of the connection are read as Arrow takes them."""
    for name, loader in (("numeric", _Float), ("uuid", _Uuid), ("json", _Text), ("jsonb", _JsonbText)):
        connection.adapters.register_loader(name, loader)


def _field(column: psycopg.Column, connection: Connection) -> pa.Field:
    info = connection.adapters.types.get(column.type_code)
    if info is None or info.name not in ARROW_TYPES:
        raise StatementRefused(
            f"The column {column.name!r} is of type {column.type_display}, for which there is none in Arrow. "
            "Select it as text: CAST (… AS text)"
        )
    is_array = column.type_code == info.array_oid
    kind = pa.list_(ARROW_TYPES[info.name]) if is_array else ARROW_TYPES[info.name]
    return pa.field(column.name, kind, metadata={TYPE_KEY: f"_{info.name}" if is_array else info.name})


class _Float(NumericBinaryLoader):
    format = Format.BINARY

    def load(self, data: Buffer) -> float:  # type: ignore[override]
        exact = super().load(data)
        if math.isinf(found := float(exact)) and exact.is_finite():
            raise StatementRefused(
                f"A number of {exact.adjusted() + 1:,} digits is too large for a file's numbers. "
                "Select the column as text: CAST (… AS text)"
            )
        return found


class _Uuid(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return str(UUID(bytes=bytes(data)))


class _Text(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data).decode()


class _JsonbText(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data)[1:].decode()  # behind the version of the format
