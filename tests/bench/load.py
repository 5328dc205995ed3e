"""How fast do gradients get into the database, beside the barest COPY of the same rows?

The reference is what pgvector documents: one binary `COPY` of psycopg, row by row, into the same table. `to keyless`
is the ratio to that COPY into a table without keys and checks, where nothing asks whether a gradient's document is
there: what the primary key and the foreign key cost.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pgvector import HalfVector
from psycopg import sql

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate
from tests.bench.synthetic import insert_documents, take_gradients
from trackstar_db.encoding.encodings import gradient_partition_name
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_writer import write_gradients
from trackstar_db.store import Store

ROWS = 32_768
ROUNDS = 15  # of a second each, and a disk's seconds differ
NAME = "load_gradients"


def load_gradients(store: Store, corpus: BenchCorpus) -> Measurement:
    """Rows of the gradient table, with its keys and checks, against a table without any."""
    encoding = store.create_encoding(NewEncoding(NAME, str(corpus.model), CORPUS, second_moment="none", sample=256))
    store.encode_documents(NAME, CORPUS)
    gradients = take_gradients(store, encoding.encoding_id).rows(ROWS, seed=0)
    numbers = list(insert_documents(store, ROWS))
    rows = list(zip(numbers, gradients, strict=True))
    with store.database.connect() as connection:
        connection.execute("CREATE TABLE bare (encoding_id bigint, document_id bigint, gradient halfvec)")
        connection.execute("ALTER TABLE bare ALTER COLUMN gradient SET STORAGE PLAIN")

    def empty() -> None:
        with store.database.connect() as connection:
            connection.execute("TRUNCATE bare, trackstar.encoded_document CASCADE")
            connection.execute(
                "INSERT INTO trackstar.encoded_document SELECT %s, unnest(%s::bigint[]), 'stored', 2, false",
                (encoding.encoding_id, numbers),
            )
        with store.database.session() as session:
            session.execute("CHECKPOINT")

    def ours() -> None:
        with store.database.connect() as connection:
            write_gradients(connection, encoding.encoding_id, rows)

    def row_by_row(table: sql.Composable) -> None:
        statement = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(table)
        with store.database.connect() as connection, connection.cursor().copy(statement) as copy:
            copy.set_types(["int8", "int8", "halfvec"])
            for number, gradient in rows:
                copy.write_row((encoding.encoding_id, number, HalfVector(gradient)))

    same, keyless = gradient_partition_name(encoding.encoding_id), sql.Identifier("bare")
    measurement = alternate(
        NAME, "bare binary COPY, row by row, into the same table", ours, partial(row_by_row, same), ROUNDS, before=empty
    )
    harder = alternate(
        NAME, "the same into a table without keys and checks", ours, partial(row_by_row, keyless), ROUNDS, before=empty
    )
    extra = {
        "rows": ROWS,
        "dimension": encoding.dimension,
        "rows_per_second": round(ROWS / measurement.ours_seconds),
        "reference_rows_per_second": round(ROWS / measurement.reference_seconds),
        "to_keyless": harder.ratio,
    }
    return replace(measurement, extra=extra)


BENCHMARKS = (load_gradients,)
