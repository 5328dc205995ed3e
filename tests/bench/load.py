"""How fast do gradients get into the database, beside the barest COPY?

The reference is what pgvector documents: one binary `COPY` of psycopg, row by row, into a table without keys and
checks. `to prebuilt` is the same ratio against a harder one, whose bytes are made beforehand and only sent.
"""

from __future__ import annotations

from dataclasses import replace

from pgvector import HalfVector

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate
from tests.bench.synthetic import insert_documents, take_gradients
from trackstar_db.database.binary_copy import HEADER, TRAILER
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_writer import binary_rows, write_gradients
from trackstar_db.store import Store

ROWS = 32_768
ROUNDS = 15  # of a second each, and a disk's seconds differ
NAME = "load_gradients"
COPY = "COPY bare FROM STDIN (FORMAT BINARY)"


def load_gradients(store: Store, corpus: BenchCorpus) -> Measurement:
    """Rows of the gradient table, with its keys and checks, against a table without any."""
    encoding = store.create_encoding(NewEncoding(NAME, str(corpus.model), CORPUS, second_moment="none", sample=256))
    store.encode_documents(NAME, CORPUS)
    gradients = take_gradients(store, encoding.encoding_id).rows(ROWS, seed=0)
    numbers = list(insert_documents(store, ROWS))
    rows = list(zip(numbers, gradients, strict=True))
    prebuilt = b"".join((HEADER, binary_rows(encoding.encoding_id, rows), TRAILER))
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

    def row_by_row() -> None:
        with store.database.connect() as connection, connection.cursor().copy(COPY) as copy:
            copy.set_types(["int8", "int8", "halfvec"])
            for number, gradient in rows:
                copy.write_row((encoding.encoding_id, number, HalfVector(gradient)))

    def only_sent() -> None:
        with store.database.connect() as connection, connection.cursor().copy(COPY) as copy:
            copy.write(prebuilt)

    measurement = alternate(NAME, "bare binary COPY, no keys, no checks", ours, row_by_row, ROUNDS, before=empty)
    harder = alternate(NAME, "the same, bytes made beforehand", ours, only_sent, before=empty)
    extra = {
        "rows": ROWS,
        "dimension": encoding.dimension,
        "rows_per_second": round(ROWS / measurement.ours_seconds),
        "reference_rows_per_second": round(ROWS / measurement.reference_seconds),
        "to_prebuilt": harder.ratio,
    }
    return replace(measurement, extra=extra)


BENCHMARKS = (load_gradients,)
