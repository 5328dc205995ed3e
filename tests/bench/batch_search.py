"""How near is a search of many queries to the limit of memory and processor?

`trackstar attribute`, everything included: reading, multiplying, the strongest documents in both directions, and the
stored run. The reference reads the same gradients once by the same COPY and throws them away, and makes the same matrix
products of numbers that are in memory already; what overlaps is a gain. Storing a run is work for each query and rank,
whatever the number of documents: the more ranks are kept, the more of it there is.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace

import torch

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, alternate, timed
from tests.bench.resources import PeakMemory
from tests.bench.synthetic import insert_documents, insert_queries, take_gradients
from trackstar_db.encoding.batches import write_batch
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_reader import BLOCK_ROWS, GradientReader, find_spans
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store

DOCUMENTS, QUERIES = 100_000, 1_000
TOP_K = (10, 100)
NAME = "batch_search"
REFERENCE = "reading every gradient once + the matrix products alone"


@dataclass
class Floor:
    """The reference, and what its parts took.

    reading, multiplying: seconds of each round
    """

    store: Store
    encoding: Encoding
    documents: int
    reading: list[float] = field(default_factory=list)
    multiplying: list[float] = field(default_factory=list)

    def measure(self) -> None:
        self.reading.append(timed(self._read))
        self.multiplying.append(timed(self._multiply))

    def _read(self) -> None:
        with self.store.database.connect() as connection:
            reader = GradientReader(connection, self.encoding, with_norms=False)
            for span in find_spans(connection, [self.encoding]):
                reader.read(span)

    def _multiply(self) -> None:
        side = torch.randn(QUERIES, self.encoding.dimension)
        gradients = torch.randn(BLOCK_ROWS, self.encoding.dimension)
        scores = torch.empty(QUERIES * BLOCK_ROWS)
        for start in range(0, self.documents, BLOCK_ROWS):
            rows = min(BLOCK_ROWS, self.documents - start)
            torch.mm(side, gradients[:rows].T, out=scores[: QUERIES * rows].view(QUERIES, rows))


def batch_search(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """1,000 queries over 100,000 documents, of which the first 10 and the first 100 are kept."""
    encoding, query_set = _prepare(store, corpus)
    return [_measure(store, encoding, query_set, top_k) for top_k in TOP_K]


def _prepare(store: Store, corpus: BenchCorpus) -> tuple[Encoding, str]:
    """The encoding with synthetic gradients alone, and the queries' set."""
    encoding = store.create_encoding(
        NewEncoding(NAME, str(corpus.model), CORPUS, optimizer_state=corpus.second_moment, sample=512)
    )
    store.encode_documents(NAME, CORPUS)
    mixtures = take_gradients(store, encoding.encoding_id)
    documents = insert_documents(store, DOCUMENTS)
    for batch in mixtures.batches(documents):
        with store.database.connect() as connection:
            write_batch(connection, encoding, batch)
    query_set = insert_queries(store, encoding.encoding_id, mixtures, QUERIES)
    with store.database.session() as session:
        session.execute("VACUUM (ANALYZE)")
    return encoding, query_set


def _measure(store: Store, encoding: Encoding, query_set: str, top_k: int) -> Measurement:
    floor = Floor(store, encoding, DOCUMENTS)

    def drop() -> None:
        if store.runs():
            store.drop_run(NAME)

    def ours() -> None:
        store.attribute(NAME, query_set, NAME, options=SearchOptions(top_k=top_k))

    benchmark = NAME if top_k == TOP_K[0] else f"{NAME}_{top_k}"
    with PeakMemory() as memory:
        measurement = alternate(benchmark, REFERENCE, ours, floor.measure, before=drop)
    drop()
    reading, multiplying = statistics.median(floor.reading[1:]), statistics.median(floor.multiplying[1:])
    products = QUERIES * DOCUMENTS * encoding.dimension
    extra = {
        "queries": QUERIES,
        "rows": DOCUMENTS,
        "dimension": encoding.dimension,
        "top_k": top_k,
        "reading_seconds": reading,
        "reading_mb_per_second": round(DOCUMENTS * 2 * encoding.dimension / reading / 1e6),
        "multiplying_seconds": multiplying,
        "gflop_per_second": round(2 * products / multiplying / 1e9),
        "peak_memory_mib": memory.ours // 2**20,
    }
    return replace(measurement, extra=extra)


BENCHMARKS = (batch_search,)
