"""Views, answers of SQL and gradients in files: every format gives back the values, whole or not at all."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.integration.conftest import SmallCorpus
from tests.integration.judged_runs import write_judged_runs
from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError, NotFound, StatementRefused
from trackstar_db.frames.formats import format_of
from trackstar_db.store import Store

HOSTILE = """
SELECT n, 9223372036854775800 + n AS big,
       (ARRAY[0.1, 'NaN', 'Infinity', '-Infinity', NULL, 1e-300]::float8[])[n] AS number,
       (ARRAY['', 'é 漢 🌱 \u202eright', E'it''s "quoted", and, more', E'two\\nlines\\r\\nand\\ta tab\\\\', '=1+1',
              NULL])[n] AS text,
       (ARRAY[true, false, NULL, true, false, true])[n] AS yes,
       CASE WHEN n < 6 THEN timestamptz '2026-02-28 23:59:59.000001+00' END AS at,
       CASE n WHEN 1 THEN '{}'::text[] WHEN 2 THEN ARRAY['a', NULL, E'"b"\\n,'] END AS texts,
       CASE n WHEN 1 THEN ARRAY['NaN', 0.5]::float8[] END AS numbers,
       CASE n WHEN 1 THEN jsonb '{"a": [1, null, "x\\ny"], "b": 12345678901234567890.5}' WHEN 2 THEN 'null'
              WHEN 3 THEN '"text"' END AS json,
       CASE n WHEN 1 THEN E'{"a":\\n 1}'::json END AS spread
FROM generate_series(1, 6) AS n ORDER BY n"""
AT = "2026-02-28T23:59:59.000001+00:00"
TEXTS = ["", "é 漢 🌱 \u202eright", 'it\'s "quoted", and, more', "two\nlines\r\nand\ta tab\\", "=1+1", None]
NOTHING = f"SELECT * FROM ({HOSTILE}) AS hostile WHERE n > 6"  # noqa: S608


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_arrows_own_formats_give_back_the_table(store: Store, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"hostile.{ending}"
    summary = store.export_select(HOSTILE, path)
    assert (summary.format, summary.rows) == (ending, {"answer": 6})
    table = pq.read_table(path) if ending == "parquet" else pa.ipc.open_file(path).read_all()
    expected = store.select(HOSTILE)
    assert [(field.name, field.type.id) for field in table.schema] == [(f.name, f.type.id) for f in expected.schema]
    assert repr(table.to_pylist()) == repr(expected.to_pylist())  # NaN is not equal to itself


def test_json_lines_hold_each_value_as_json_has_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hostile.jsonl"
    store.export_select(HOSTILE, path)
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert b'"b": 12345678901234567890.5' in lines[0]
    rows = [json.loads(line) for line in lines]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["number"] for row in rows] == [0.1, "NaN", "Infinity", "-Infinity", None, 1e-300]
    assert [row["yes"] for row in rows] == [True, False, None, True, False, True]
    assert [row["at"] for row in rows] == [AT] * 5 + [None]
    assert [row["texts"] for row in rows[:3]] == [[], ["a", None, '"b"\n,'], None]
    assert rows[0]["numbers"] == ["NaN", 0.5]
    assert [row["json"] for row in rows[1:4]] == [None, "text", None]
    assert rows[0]["json"]["a"] == [1, None, "x\ny"]
    assert rows[0]["spread"] == {"a": 1}
    assert rows[5]["big"] == 2**63 - 2


def test_csv_tells_null_from_an_empty_text_and_every_reader_reads_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    store.export_select(HOSTILE, path)
    content = path.read_bytes().decode()
    assert content.startswith('"n","big","number","text","yes","at","texts","numbers","json","spread"\n')
    assert content.splitlines()[1].startswith('1,9223372036854775801,0.1,"",true,')
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [text or "" for text in TEXTS]
    assert json.loads(rows[1]["texts"]) == ["a", None, '"b"\n,']
    assert json.loads(rows[0]["json"])["a"] == [1, None, "x\ny"]
    read = pd.read_csv(path)
    assert read["yes"].tolist()[:2] == [True, False]
    assert math.isinf(read["number"][2])
    assert read["big"].dtype == np.int64
    assert pd.to_datetime(read["at"])[0] == pd.Timestamp(AT)
    frame = pl.read_csv(path, try_parse_dates=True)
    assert frame["text"].to_list() == TEXTS
    assert isinstance(frame.schema["at"], pl.Datetime)
    assert duckdb.sql(f"SELECT big FROM '{path}' ORDER BY n").fetchall()[5][0] == 2**63 - 2  # noqa: S608


def test_csv_goes_back_into_postgresql_as_it_came_out(store: Store, tmp_path: Path, database: Database) -> None:
    path = tmp_path / "texts.csv"
    store.export_select(f"SELECT text FROM ({HOSTILE}) AS hostile ORDER BY n", path)  # noqa: S608
    with database.connect() as connection:
        connection.execute("CREATE TEMPORARY TABLE back (n serial, text text)")
        with connection.cursor().copy("COPY back (text) FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(path.read_bytes())
        assert [text for (text,) in connection.execute("SELECT text FROM back ORDER BY n")] == TEXTS


def test_sqlite_has_a_table_of_real_types_for_each_view(store: Store, database: Database, tmp_path: Path) -> None:
    write_judged_runs(database)
    path = tmp_path / "two.sqlite"
    summary = store.export_views(["tda.run", "proponent"], path, {"run": ["one"]})
    assert summary.rows == {"run": 1, "proponent": store.table("proponent", {"run": "one"}).num_rows}
    with closing(sqlite3.connect(path)) as file:
        types = dict(file.execute("SELECT name, type FROM pragma_table_info('proponent')"))
        assert [types[name] for name in ("run", "rank", "score", "is_annotated")] == [
            "TEXT",
            "INTEGER",
            "FLOAT",
            "BOOLEAN",
        ]
        found = file.execute("SELECT query_id, rank, score, is_annotated, text FROM proponent").fetchall()
    columns = ["query_id", "rank", "score", "is_annotated", "text"]
    expected = [tuple(row.values()) for row in store.table("proponent", {"run": "one"}).select(columns).to_pylist()]
    assert sorted(found, key=repr) == sorted(
        [(a, b, c, d if d is None else int(d), e) for a, b, c, d, e in expected], key=repr
    )


def test_sqlite_keeps_what_it_has_a_place_for(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "hostile.db"
    store.export_select(HOSTILE, path)
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        rows = file.execute("SELECT *, typeof(big) AS kind, julianday(at) AS day FROM answer ORDER BY n").fetchall()
    assert [row["text"] for row in rows] == TEXTS
    assert [row["number"] for row in rows] == [0.1, None, math.inf, -math.inf, None, 1e-300]  # it has no NaN
    assert [row["yes"] for row in rows] == [1, 0, None, 1, 0, 1]
    assert (rows[5]["big"], rows[5]["kind"]) == (2**63 - 2, "integer")
    assert (rows[0]["at"], rows[0]["day"]) == (AT, pytest.approx(2461100.5, abs=1e-4))
    assert json.loads(rows[0]["numbers"]) == ["NaN", 0.5]
    assert json.loads(rows[0]["json"])["a"] == [1, None, "x\ny"]


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "jsonl", "sqlite"])
def test_an_answer_without_rows_is_a_file_with_columns(store: Store, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"nothing.{ending}"
    assert store.export_select(NOTHING, path).rows == {"answer": 0}
    assert read_back(path) == []


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "jsonl", "sqlite"])
def test_many_rows_are_all_there_in_every_format(store: Store, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"many.{ending}"
    statement = "SELECT n, repeat('é', 200) || n AS text FROM generate_series(1, $1::integer) n"
    store.export_select(statement, path, [30_000])
    assert sum(row["n"] for row in read_back(path)) == 30_000 * 30_001 // 2


@pytest.mark.parametrize("ending", ["parquet", "csv", "sqlite"])
def test_an_export_that_fails_leaves_the_file_that_was_there(store: Store, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"kept.{ending}"
    path.write_text("before")
    with pytest.raises(StatementRefused, match="division by zero"):
        store.export_select("SELECT 1 / (n - 1500) AS n FROM generate_series(1, 3000) n", path)
    with pytest.raises(StatementRefused, match="division by zero"):
        store.export_select(
            "SELECT 1 / (n - 30000) AS n, repeat('x', 2000) AS x FROM generate_series(1, 40000) n", path
        )
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [(path.name, "before")]


def test_text_is_compressed_where_the_name_says_so(store: Store, tmp_path: Path) -> None:
    for name in ("a.csv.gz", "a.jsonl.zst"):
        store.export_select("SELECT 1 AS n", tmp_path / name)
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == b'"n"\n1\n'
    assert zstandard.ZstdDecompressor().stream_reader((tmp_path / "a.jsonl.zst").read_bytes()).read() == b'{"n": 1}\n'


@pytest.mark.parametrize(
    ("output", "given", "said"),
    [
        ("table", None, "cannot tell the format of 'table'. End the name in .parquet"),
        ("-", "parquet", "parquet does not go to standard output"),
        ("a.parquet.gz", None, "parquet is not compressed from outside"),
        ("a.sqlite.zst", None, "sqlite is not compressed from outside"),
    ],
)
def test_a_format_that_cannot_be_is_refused(output: str, given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        format_of(output, given)


def test_the_name_tells_the_format_unless_one_is_given() -> None:
    assert format_of("-", None) == "csv"
    assert format_of("a.b.JSONL.gz", None) == "jsonl"
    assert format_of("a.csv", "sqlite") == "sqlite"


def test_what_cannot_be_written_is_said_before_anything_is(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="csv holds one table, not 2"):
        store.export_views(["run", "query"], tmp_path / "a.csv")
    with pytest.raises(NotFound, match="no view 'nothing'"):
        store.export_views(["run", "nothing"], tmp_path / "a.sqlite")
    with pytest.raises(InputError, match="it is a folder"):
        store.export_views(["run"], tmp_path, file_format="sqlite")
    with pytest.raises(InputError, match="cannot write"):
        store.export_views(["run"], tmp_path / "none" / "a.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_gradients_in_files_are_read_by_every_program(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    store = small_corpus.store
    small_corpus.encode()
    with store.gradients("small") as reader:
        expected = reader.read_all()
    for ending in ("parquet", "arrow"):
        assert store.export_gradients("small", tmp_path / f"g.{ending}", "small").rows == {"gradients": 60}
    assert pq.read_table(tmp_path / "g.parquet").equals(expected)
    mapped = pa.ipc.open_file(pa.memory_map(str(tmp_path / "g.arrow"))).read_all()
    assert mapped.equals(expected)
    numbers = expected.column("gradient").combine_chunks().flatten().to_numpy()
    polars = pl.read_parquet(tmp_path / "g.parquet")["gradient"].to_numpy()
    assert np.array_equal(np.stack(list(polars)).astype(np.float16).reshape(-1), numbers)
    listed = duckdb.sql(f"SELECT gradient FROM '{tmp_path}/g.parquet' ORDER BY document_id").fetchall()  # noqa: S608
    assert np.array_equal(np.array([row for (row,) in listed], np.float16).reshape(-1), numbers)
    with pytest.raises(InputError, match="gradients do not go into csv"):
        store.export_gradients("small", tmp_path / "g.csv")
    with store.as_reader() as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.export_gradients("small", tmp_path / "again.parquet")
    assert sorted(path.name for path in tmp_path.glob("*g*.*")) == ["g.arrow", "g.parquet"]


def read_back(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".sqlite":
        with closing(sqlite3.connect(path)) as file:
            file.row_factory = sqlite3.Row
            return [dict(row) for row in file.execute("SELECT * FROM answer")]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".csv":
        frame = pd.read_csv(path)
        return [] if frame.empty else [{"n": int(n)} for n in frame["n"]]
    table = pq.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    return table.to_pylist()  # type: ignore[no-any-return]
