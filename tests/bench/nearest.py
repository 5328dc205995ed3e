"""How far is an exact search in SQL from reading the gradients once?

100,000 gradients in memory, mixtures of real ones; one query, its ten strongest documents with their texts, one
process (`max_parallel_workers_per_gather = 0`). The reference reads twice the bytes, in one piece: numpy's product of
a float32 matrix and a vector, on one core, and its ten largest. With a filter that leaves 2 % of the documents, the
reference is the search without it.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate, timed
from tests.bench.synthetic import insert_documents, insert_queries, take_gradients
from trackstar_db.encoding.batches import write_batch
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.store import Store

ROWS = 100_000
K = 10
ROUNDS = 25  # of a fraction of a second each
SEARCH = "SELECT document_id, influence, text FROM tda.nearest(%s, 10)"
FILTERED = """SELECT document_id, influence, text FROM tda.nearest(%s, 10, metadata => '{"kind": "statement"}')"""


@dataclass(frozen=True)
class Searched:
    """What is searched, in the database and beside it.

    gradients: [row, d] float32; side: [d]
    """

    session: Connection[TupleRow]
    query_id: int
    gradients: NDArray[np.float32]
    side: NDArray[np.float32]

    def ask(self, statement: str) -> list[TupleRow]:
        """The rows of a search."""
        return self.session.execute(statement, (self.query_id,)).fetchall()  # type: ignore[call-overload, no-any-return]

    def multiply(self) -> NDArray[np.intp]:
        """The rows with the ten highest products."""
        with one_core():
            products = self.gradients @ self.side
            return np.argpartition(-products, K)[:K]

    @property
    def extra(self) -> dict[str, object]:
        return {"queries": 1, "rows": len(self.gradients), "dimension": self.gradients.shape[1]}


def nearest_exact(store: Store, corpus: BenchCorpus) -> Measurement:
    """One exact search against one product of a matrix and a vector."""
    with searched(store, corpus, "nearest_exact") as of:
        measurement = alternate(
            "nearest_exact", "numpy float32 matrix × vector, one core", partial(of.ask, SEARCH), of.multiply, ROUNDS
        )
        of.session.execute("RESET max_parallel_workers_per_gather")
        parallel = median_seconds(partial(of.ask, SEARCH))
        return replace(measurement, extra={**of.extra, "parallel_seconds": parallel})


def nearest_filtered(store: Store, corpus: BenchCorpus) -> Measurement:
    """A search of 2 % of the documents against one of all."""
    with searched(store, corpus, "nearest_filtered") as of:
        measurement = alternate(
            "nearest_filtered", "without a filter", partial(of.ask, FILTERED), partial(of.ask, SEARCH), ROUNDS
        )
        product = median_seconds(of.multiply)
        return replace(measurement, extra={**of.extra, "to_numpy": (measurement.ours_seconds or 0.0) / product})


@contextmanager
def searched(store: Store, corpus: BenchCorpus, name: str) -> Iterator[Searched]:
    """A database with ROWS gradients, all of them in memory, and a query."""
    encoding = store.create_encoding(NewEncoding(name, str(corpus.model), CORPUS, second_moment="none", sample=256))
    store.encode_documents(name, CORPUS)
    mixtures = take_gradients(store, encoding.encoding_id)
    documents = insert_documents(store, ROWS)
    gradients = np.empty((ROWS, encoding.dimension), np.float32)
    for batch in mixtures.batches(documents):
        with store.database.connect() as connection:
            write_batch(connection, encoding, batch)
        for document, _, gradient, _ in batch:
            gradients[document.document_id - documents.start] = gradient
    insert_queries(store, encoding.encoding_id, mixtures, 1)
    with store.database.session() as session:
        session.execute(
            """
            UPDATE trackstar.document
            SET metadata = jsonb_build_object('kind', CASE document_id % 50 WHEN 0 THEN 'statement' ELSE 'other' END)
            """
        )
        session.execute("CHECKPOINT")
        session.execute("VACUUM (ANALYZE)")
        session.execute("SET max_parallel_workers_per_gather = 0")
        (query_id,) = session.execute("SELECT max(query_id) FROM trackstar.query").fetchone() or (0,)
        side = mixtures.rows(1, seed=1)[0].astype(np.float32)
        yield Searched(session, query_id, gradients, side)


@contextmanager
def one_core() -> Iterator[None]:
    """This thread and those that it starts stay on one core, where the system lets them be kept there."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def median_seconds(work: Callable[[], object]) -> float:
    """What it takes, the first time not counted."""
    work()
    return statistics.median(timed(work) for _ in range(ROUNDS))


BENCHMARKS = (nearest_exact, nearest_filtered)
