"""Every view of schema tda, read as tda_reader by the programs that analysts use: same rows, sensible types."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timezone
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi as adbc
from psycopg import sql
from sqlalchemy import MetaData, Table, create_engine, make_url, select, types
from sqlalchemy.dialects import postgresql

from tests.conftest import TEMPLATE
from tests.copies import administer, copy_database
from tests.integration.conftest import write_small_corpus
from trackstar_db.database.embedded import EmbeddedServer, find_binaries
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store

KINDS = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "double precision": "float",
    "text": "text",
    "boolean": "boolean",
    "timestamp with time zone": "time",
    "jsonb": "json",
    "text[]": "list",
    "bigint[]": "list",
}
"""What each type that a view may have is, whatever program reads it."""

VIEWS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY attnum), array_agg(format_type(atttypid, NULL) ORDER BY attnum)
FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0
WHERE relnamespace = 'tda'::regnamespace AND relkind IN ('v', 'm') GROUP BY relname ORDER BY relname"""

EVIDENCE = """
INSERT INTO trackstar.fact_frequency SELECT fact_id, 'small', 5 FROM trackstar.fact;
INSERT INTO trackstar.prediction (model_id, query_id, greedy_answer, samples, target_probability, alternatives, seed)
SELECT model_id, query_id, E'é 漢, "quoted"\\r\\nand \\\\N', ARRAY['a', NULL, '', '{"b"}'], 1e-300,
       '{"no, \u202eא": 0.1}', 0
FROM trackstar.model, trackstar.query
"""


@dataclass(frozen=True)
class View:
    """A view with the kind of each column, and its rows."""

    name: str
    kinds: dict[str, str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Seen:
    """What a program made of a view: the kind of each column, and its rows in any order."""

    kinds: dict[str, str]
    rows: list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def reader_url(
    test_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory, small_model_directory: str
) -> Iterator[str]:
    """A small corpus, encoded, with runs, a task, predictions and frequencies; by the role tda_reader."""
    with Store.open(copy_database(test_server, "programs", TEMPLATE)) as store:
        facts, sentences = write_small_corpus(tmp_path_factory.mktemp("corpus"))
        store.load_facts([facts], query_set="facts")
        store.load_sentences([sentences], corpus="small")
        store.create_encoding(NewEncoding("small", str(small_model_directory), "small", block_rank=4))
        store.encode_documents("small", "small")
        store.encode_queries("small", "facts")
        store.create_task("own", "small", "facts", mixing_lambda=0.5)
        store.attribute("small", "facts", "first", options=SearchOptions(top_k=3))
        store.attribute("small", "facts", "second", "trackstar", SearchOptions(top_k=3, task="own"))
        store.judge_entailment(["first"], labeler="alias_match")
        with store.database.connect() as connection:
            connection.execute(EVIDENCE.encode())
        store.evaluate(["first", "second"])
        store.refresh()
    yield test_server.url("tda_reader", "programs")
    administer(test_server, "DROP DATABASE {} WITH (FORCE)", "programs")


@pytest.fixture(scope="module")
def views(reader_url: str) -> list[View]:
    with psycopg.connect(reader_url) as connection:
        return [
            View(
                name,
                {column: KINDS[kind] for column, kind in zip(columns, kinds, strict=True)},
                connection.execute(sql.SQL("SELECT * FROM tda.{}").format(sql.Identifier(name))).fetchall(),
            )
            for name, columns, kinds in connection.execute(VIEWS).fetchall()
        ]


def by_pandas(url: str, view: str) -> Seen:
    with Store.open(url) as store:
        frame = store.table(view).to_pandas(types_mapper=pd.ArrowDtype)
    kinds = {str(name): arrow_kind(dtype.pyarrow_dtype) for name, dtype in frame.dtypes.items()}
    rows = [
        tuple(None if value is pd.NA else value for value in row) for row in frame.itertuples(index=False, name=None)
    ]
    return Seen(kinds, rows)


def by_polars(url: str, view: str) -> Seen:
    with Store.open(url) as store:
        frame = pl.from_arrow(store.table(view))
    assert isinstance(frame, pl.DataFrame)
    known = {pl.String: "text", pl.Boolean: "boolean", pl.Datetime("us", "UTC"): "time", pl.List(pl.String): "list"}
    numbers = {True: "integer", False: "float"}
    kinds = {name: known[kind] if kind in known else numbers[kind.is_integer()] for name, kind in frame.schema.items()}
    return Seen(kinds, frame.rows())


def by_duckdb(url: str, view: str) -> Seen:
    with Store.open(url) as store, duckdb.connect() as connection:
        connection.register("seen", store.table(view))
        table = connection.sql("SELECT * FROM seen").to_arrow_table()
    return of_arrow(table)


def by_sqlalchemy(url: str, view: str) -> Seen:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    table = Table(view, MetaData(), schema="tda", autoload_with=engine)
    known = {types.Integer: "integer", types.Float: "float", types.String: "text", types.Boolean: "boolean",
             types.DateTime: "time", postgresql.JSONB: "json", postgresql.ARRAY: "list"}  # fmt: skip
    kinds = {c.name: next(kind for of, kind in known.items() if isinstance(c.type, of)) for c in table.columns}
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(select(table))]
    engine.dispose()
    return Seen(kinds, rows)


def by_adbc(url: str, view: str) -> Seen:
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM tda.{view}")  # noqa: S608
        return of_arrow(cursor.fetch_arrow_table())


def by_psql(url: str, view: str) -> Seen:
    described = dict(psql(url, f"SELECT * FROM tda.{view} \\gdesc\n"))  # noqa: S608
    kinds = {name: KINDS[kind] for name, kind in described.items()}
    with psycopg.connect(url) as connection:
        rows = [
            tuple(printed(text, kind, connection) for text, kind in zip(row, kinds.values(), strict=True))
            for row in psql(url, f"TABLE tda.{view};\n")
        ]
    return Seen(kinds, rows)


@pytest.mark.parametrize("read", [by_pandas, by_polars, by_duckdb, by_sqlalchemy, by_adbc, by_psql])
def test_a_program_reads_every_view_with_its_rows_and_sensible_types(
    reader_url: str, views: list[View], read: Callable[[str, str], Seen]
) -> None:
    assert len(views) >= 20
    assert sum(bool(view.rows) for view in views) >= 15
    for view in views:
        seen = read(reader_url, view.name)
        assert list(seen.kinds) == list(view.kinds), view.name
        for column, kind in view.kinds.items():
            assert seen.kinds[column] in ({"json", "text"} if kind == "json" else {kind}), f"{view.name}.{column}"
        assert comparable(seen.rows, view) == comparable(view.rows, view), view.name


def of_arrow(table: pa.Table) -> Seen:
    kinds = {field.name: arrow_kind(field.type) for field in table.schema}
    return Seen(kinds, [tuple(row.values()) for row in table.to_pylist()])


def arrow_kind(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        assert kind.tz is not None
        return "time"
    if isinstance(kind, pa.BaseExtensionType):
        return {"arrow.json": "json"}[kind.extension_name]
    named = {"int16": "integer", "int32": "integer", "int64": "integer", "double": "float", "bool": "boolean",
             "string": "text"}  # fmt: skip
    return "list" if pa.types.is_list(kind) else named[str(kind)]


def comparable(rows: list[tuple[Any, ...]], view: View) -> list[tuple[Any, ...]]:
    """Rows in one order, JSON as what it says, times in UTC."""
    plain = [tuple(map(value_of, row, view.kinds.values())) for row in rows]
    return sorted(plain, key=repr)


def value_of(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.loads(value) if isinstance(value, str) else value
    if kind == "time":
        return value.astimezone(timezone.utc).isoformat()
    return list(value) if kind == "list" else value


def psql(url: str, script: str) -> list[list[str]]:
    """The rows that psql prints, with ∅ for NULL."""
    command = [str(find_binaries() / "psql"), url, "-X", "--csv", "-t", "-P", "null=∅"]
    environment = {**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=script.encode(), env=environment, capture_output=True, check=True)
    return list(csv.reader(io.StringIO(done.stdout.decode(), newline="")))


def printed(text: str, kind: str, connection: psycopg.Connection[Any]) -> Any:
    """A value as psql printed it."""
    if text == "∅":
        return None
    if kind == "boolean":
        return {"t": True, "f": False}[text]
    if kind == "list":
        return (connection.execute("SELECT %s::text[]", (text,)).fetchone() or [None])[0]
    if kind == "time":
        return (connection.execute("SELECT %s::timestamptz", (text,)).fetchone() or [None])[0]
    return {"integer": int, "float": float}.get(kind, str)(text)
