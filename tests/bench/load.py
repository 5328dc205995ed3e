"""Writing gradients against the barest binary COPY of the same rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pgvector import HalfVector

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate
from trackstar_db.encoding.encode import write_gradients
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store

ROUNDS = 5
NAME = "load_gradients"


def load_gradients(store: Store, corpus: BenchCorpus) -> Measurement:
    """Rows of the gradient table, with its keys and checks, against a table without any."""
    encoding = store.create_encoding(NewEncoding(NAME, str(corpus.model), CORPUS, second_moment="none", sample=256))
    random = np.random.default_rng(0)
    with store.database.connect() as connection:
        numbers = [n for (n,) in connection.execute("SELECT document_id FROM tda.document ORDER BY 1 LIMIT 5000")]
        connection.execute("CREATE TABLE bare (encoding_id bigint, document_id bigint, gradient halfvec)")
        connection.execute("ALTER TABLE bare ALTER COLUMN gradient SET STORAGE PLAIN")
    gradients = random.standard_normal((len(numbers), encoding.dimension), np.float32).astype(np.float16)

    def empty() -> None:
        with store.database.connect() as connection:
            connection.execute("TRUNCATE bare, trackstar.encoded_document CASCADE")
            connection.execute(
                "INSERT INTO trackstar.encoded_document SELECT %s, unnest(%s::bigint[]), 'stored', 2, false",
                (encoding.encoding_id, numbers),
            )

    def ours() -> None:
        with store.database.connect() as connection:
            write_gradients(connection, encoding.encoding_id, zip(numbers, gradients, strict=True))

    def reference() -> None:
        statement = "COPY bare FROM STDIN (FORMAT BINARY)"
        with store.database.connect() as connection, connection.cursor().copy(statement) as copy:
            copy.set_types(["int8", "int8", "halfvec"])
            for number, gradient in zip(numbers, gradients, strict=True):
                copy.write_row((encoding.encoding_id, number, HalfVector(gradient)))

    measurement = alternate(NAME, "bare binary COPY, no keys, no checks", ours, reference, ROUNDS, empty)
    store.drop_encoding(NAME)
    extra = {
        "rows": len(numbers),
        "rows_per_second": round(len(numbers) / measurement.ours_seconds),
        "reference_rows_per_second": round(len(numbers) / measurement.reference_seconds),
    }
    return replace(measurement, extra=extra)
