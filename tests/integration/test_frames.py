"""Arrow tables of views and of SELECTs, and gradients as fixed-size lists, by the library."""

from __future__ import annotations

import json
import tracemalloc
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tests.bare_encoding import bare_encoding, note_encoded
from tests.integration.conftest import SmallCorpus
from tests.integration.judged_runs import write_judged_runs
from trackstar_db.database.engine import Database
from trackstar_db.encoding.gradient_writer import write_gradients
from trackstar_db.errors import DatabaseUnavailable, InputError, NotFound, StatementRefused
from trackstar_db.frames import reading
from trackstar_db.store import Store

HOSTILE = [
    "plain",
    "",
    "é 漢 🌱 \u202eright",
    'it\'s "quoted", and, more',
    "two\nlines\r\nand a tab\t",
    "=1+1",
    "\\N",
    "NULL",
]
AT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=timezone.utc)

EVERY_TYPE = """
SELECT n::smallint AS small, n::integer AS middle, 9007199254740993 + n AS big, n / 2.0::real AS half,
       'NaN'::float8 AS nan, '-Infinity'::float8 AS infinite, avg(n) OVER (PARTITION BY n) AS mean, n = 1 AS yes,
       'é'::varchar AS text, ARRAY['a', NULL, '"b"'] AS texts, ARRAY[]::bigint[] AS none,
       '{"a": [1, 2e400]}'::jsonb AS json, timestamptz '2026-03-01 00:59:59.123456+01' AS at, date '0044-03-15' AS day,
       '00000000-0000-0000-0000-00000000000a'::uuid AS uuid
FROM generate_series(1, 2) n ORDER BY n"""


@pytest.fixture
def store(database: Database) -> Store:
    write_judged_runs(database)
    return Store(database)


def test_every_type_has_its_like_in_arrow_and_its_value(store: Store) -> None:
    table = store.select(EVERY_TYPE)
    assert {field.name: str(field.type) for field in table.schema} == {
        "small": "int16", "middle": "int32", "big": "int64", "half": "double", "nan": "double", "infinite": "double",
        "mean": "double", "yes": "bool", "text": "string", "texts": "list<item: string>", "none": "list<item: int64>",
        "json": "string", "at": "timestamp[us, tz=UTC]", "day": "date32[day]", "uuid": "string",
    }  # fmt: skip
    assert table.schema.field("json").metadata == {b"POSTGRESQL:type": b"jsonb"}
    first, second = table.to_pylist()
    assert (first["small"], second["middle"], first["big"], first["half"]) == (1, 2, 2**53 + 2, 0.5)
    assert np.isnan(first["nan"])
    assert (first["infinite"], second["mean"], first["yes"], second["yes"]) == (-np.inf, 2.0, True, False)
    assert (first["text"], first["texts"], first["none"]) == ("é", ["a", None, '"b"'], [])
    assert first["json"].startswith('{"a": [1, 2000')  # every digit, where a float would be infinite
    assert (first["at"], first["day"].isoformat(), first["uuid"][-2:]) == (AT, "0044-03-15", "0a")


def test_texts_arrive_as_they_are_and_nothing_is_null(store: Store) -> None:
    table = store.select("SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS t (text, n)", [*HOSTILE, None])
    assert table.column("text").to_pylist() == [*HOSTILE, None]


def test_a_table_is_the_rows_of_a_view_with_the_values_asked_for(store: Store) -> None:
    proponents = store.table("tda.proponent", {"run": ["one", "two"], "direction": "proponent", "fact_id": None})
    expected = "SELECT run, query_id, rank FROM tda.proponent WHERE run IN ('one', 'two') AND fact_id IS NULL"
    with store.database.connect() as connection:
        rows = connection.execute(f"{expected} AND direction = 'proponent'").fetchall()  # type: ignore[arg-type]
    found = [tuple(row.values()) for row in proponents.select(["run", "query_id", "rank"]).to_pylist()]
    assert sorted(found) == sorted(rows)
    assert len(rows) > 20
    without = store.table("proponent", {"fact_id": None}).num_rows
    assert store.table("proponent", {"fact_id": ["nobody's", None]}).num_rows == without > 0
    assert store.table("run", {"run": "nobody's"}).num_rows == 0
    assert store.table("run", {"run": []}).schema == store.table("run").schema
    assert store.table("run", {"run": "' OR true --"}).num_rows == 0


def test_what_is_not_there_is_said_with_what_is(store: Store) -> None:
    with pytest.raises(NotFound, match=r"schema tda has no view 'proponents'. Did you mean proponent\? It has: .*run,"):
        store.table("proponents")
    with pytest.raises(InputError, match=r"tda.run has no column 'name; DROP'\. It has: run, method"):
        store.table("run", {"name; DROP": 1})
    with pytest.raises(StatementRefused, match="invalid input syntax for type bigint"):
        store.table("proponent", {"query_id": "seven"})


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT 1 AS a, 2 AS a", "Two columns are named 'a'"),
        ("SELECT", "no column"),
        ("SELECT '[1]'::vector AS v", "'v' is of type vector"),
        ("SELECT ARRAY[[1], [2]] AS nested", "'nested' holds an array in an array"),
        ("SELECT 'infinity'::timestamptz AS at", "too large"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("DELETE FROM trackstar.document RETURNING 1", "One statement that reads"),
        ("WITH gone AS (DELETE FROM trackstar.run RETURNING 1) SELECT * FROM gone", "must not contain"),
        ("SELECT setval('trackstar.run_run_id_seq', 1) AS n", "read-only"),
        ("SELECT 1 / (n - 1000) AS n FROM generate_series(1, 2000) n", "division by zero"),
        ("", "no SQL"),
    ],
)
def test_a_statement_that_is_no_table_is_refused_with_its_reason(store: Store, statement: str, said: str) -> None:
    with pytest.raises(StatementRefused, match=said):
        store.select(statement)
    assert store.select("SELECT count(*) AS n FROM tda.document").to_pylist() == [{"n": 40}]


def test_a_store_of_a_reader_sees_the_views_alone(store: Store) -> None:
    with store.as_reader() as reader:
        assert reader.table("run").num_rows == 3
        assert reader.select("SELECT session_user::text AS me").to_pylist() == [{"me": "tda_reader"}]
        with pytest.raises(StatementRefused, match="permission denied"):
            reader.select("SELECT * FROM trackstar.document")
        assert Store(reader.database).table("run").num_rows == 3  # opened by a reader's URL


def test_pandas_polars_and_duckdb_take_a_table_without_a_copy(store: Store) -> None:
    proponents = store.table("proponent", {"run": "one"})
    scores = proponents.column("score").chunk(0)
    frame = pl.from_arrow(proponents)
    assert isinstance(frame, pl.DataFrame)
    assert frame["score"].to_arrow().buffers()[1].address == scores.buffers()[1].address
    pandas = proponents.to_pandas(types_mapper=pd.ArrowDtype)
    assert pa.array(pandas["score"].array).buffers()[1].address == scores.buffers()[1].address
    ((mean,),) = duckdb.sql("SELECT avg(score) FROM proponents").fetchall()
    assert mean == pytest.approx(frame["score"].mean()) == pytest.approx(pandas["score"].mean())


def test_batches_hold_few_megabytes_of_a_large_answer(store: Store) -> None:
    statement = "SELECT n, repeat(md5(n::text), 64) AS text FROM generate_series(1, $1::integer) n"  # 2 kB a row
    count = largest = 0
    tracemalloc.start()
    held = pa.total_allocated_bytes()
    with store.batches(statement, 30_000) as reader:
        for batch in reader:
            count += batch.num_rows
            largest = max(largest, pa.total_allocated_bytes() - held)
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 30_000  # 62 MB
    assert largest < 6 * reading.BATCH_BYTES
    assert python < 10 * 2**20


def test_a_connection_lost_on_the_way_is_called_so(store: Store) -> None:
    with pytest.raises(DatabaseUnavailable):
        read_and_end(store, "SELECT pg_backend_pid() AS pid, repeat('x', 2000) AS x FROM generate_series(1, 99999)")


def read_and_end(store: Store, statement: str) -> None:
    with store.batches(statement) as reader:
        pid = reader.read_next_batch().column("pid")[0].as_py()
        with store.database.session() as session:
            session.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        reader.read_all()


# Gradients ---------------------------------------------------------------------------------------


def read_gradients(store: Store, encoding: str, corpus: str | None = None) -> dict[str, Any]:
    with store.gradients(encoding, corpus) as reader:
        table = reader.read_all()
    numbers = table.column("gradient").combine_chunks().flatten().to_numpy()
    return {
        "schema": table.schema,
        "gradients": numbers.reshape(table.num_rows, -1),
        "rows": table.drop_columns(["gradient"]).to_pydict(),
    }


def test_gradients_are_the_stored_numbers_beside_their_documents(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    store = small_corpus.store
    store.create_encoding(small_corpus.new_encoding())
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps({"id": f"o{n}", "text": f"the sea of stone {n}"}) + "\n" for n in range(5)))
    store.load_documents([other], corpus="other")
    for corpus in ("small", "other"):
        store.encode_documents("small", corpus)
    found = read_gradients(store, "small")
    dimension = store.encoding("small").dimension
    assert str(found["schema"].field("gradient").type) == f"fixed_size_list<item: halffloat>[{dimension}]"
    assert found["schema"].metadata[b"encoding_digest"] == store.encoding("small").digest.hex().encode()
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT document_id, external_id, name, gradient::real[] FROM trackstar.gradient "
            "JOIN trackstar.document USING (document_id) JOIN trackstar.corpus USING (corpus_id) ORDER BY document_id"
        ).fetchall()
    assert list(zip(*found["rows"].values(), strict=True)) == [row[:3] for row in rows]
    assert np.array_equal(found["gradients"], np.array([row[3] for row in rows], np.float16))
    assert found["rows"]["corpus"].count("small") == 60
    assert read_gradients(store, "small", "other")["rows"]["external_id"] == [f"o{n}" for n in range(5)]
    with pytest.raises(NotFound, match="no corpus named 'nobody'"):
        read_gradients(store, "small", "nobody")
    with pytest.raises(NotFound, match="no encoding named 'nobody'"):
        read_gradients(store, "nobody")


def test_many_gradients_come_in_chunks_in_their_order(database: Database, small_model_directory: Path) -> None:
    gradients = np.random.default_rng(0).standard_normal((5000, 16)).astype(np.float16)
    with database.connect() as connection:
        connection.execute("INSERT INTO trackstar.corpus (name) VALUES ('c')")
        connection.execute(
            "INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest) "
            "SELECT 1, 'd' || n, 'text', sha256('') FROM generate_series(1, 5000) n"
        )
        encoding = bare_encoding(connection, "bare", small_model_directory, blocks=1, block_rank=4)
        note_encoded(connection, encoding, range(1, 5001))
        write_gradients(connection, encoding.encoding_id, list(enumerate(gradients, start=1)))
    with Store(database).gradients("bare") as reader:
        batches = list(reader)
    assert [batch.num_rows for batch in batches] == [4096, 904]
    table = pa.Table.from_batches(batches)
    assert table.column("external_id").to_pylist() == [f"d{n}" for n in range(1, 5001)]
    found = np.stack([batch.column("gradient").flatten().to_numpy()[-16:] for batch in batches])
    assert np.array_equal(found, gradients[[4095, 4999]])
