"""Does the cost of a row stay the same at a million rows?

A database of 100,000 synthetic gradients grows to 1,000,000; everything is done at both sizes, and the ratio is the
time for a row at the larger one over the time for a row at the smaller one: 1 where cost grows with the work and
nothing else. The gradients are mixtures of pairs of real ones, written by the writer that encoding uses. Memory is
the most that our processes held during a piece of work, and what the server's processes held beside their shared
buffers. A load ends when the server has written its tables to the disk (a checkpoint): without it, the smaller one
would leave to the time after it what the larger one has to wait for.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.bench.corpus import CORPUS, BenchCorpus
from tests.bench.measure import Measurement, Missing, timed
from tests.bench.resources import PeakMemory
from tests.bench.synthetic import Mixtures, insert_documents, insert_queries, take_gradients
from trackstar_db.database.embedded import EmbeddedServer
from trackstar_db.encoding.batches import EncodedDocument, write_batch
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.estimates.disk import gradient_rows
from trackstar_db.estimates.estimate import shown_bytes
from trackstar_db.store import Store

SMALL, LARGE = 100_000, 1_000_000
QUERIES = 1_000
REPEATS = 5
NAME = "million"

DOCUMENT_BYTES = 500  # a synthetic document's row with its indexes
INDEX_SHARE = 0.3  # of the gradients' own size
LOG_BYTES = 4 * 2**30


@dataclass
class Work:
    """One kind of work, done at both sizes.

    seconds: by size, each repeat; ours, server: most memory by size, bytes
    """

    name: str
    seconds: dict[int, list[float]] = field(default_factory=dict)
    ours: int = 0
    server: int = 0

    def measurement(self, disk_bytes: int) -> Measurement:
        per_row = {rows: [seconds / rows for seconds in times] for rows, times in self.seconds.items()}
        small, large = per_row[SMALL], per_row[LARGE]
        return Measurement(
            NAME,
            statistics.median(large) / statistics.median(small),
            (min(large) / max(small), max(large) / min(small)),
            f"the same for a row of {SMALL:,}",
            rounds=len(large),
            extra={
                "work": self.name,
                f"seconds_at_{SMALL}": statistics.median(self.seconds[SMALL]),
                f"seconds_at_{LARGE}": statistics.median(self.seconds[LARGE]),
                "our_peak_mib": self.ours // 2**20,
                "server_peak_mib": self.server // 2**20,
                "disk_gib": disk_bytes / 2**30,
            },
        )


@dataclass
class Growing:
    """A store that grows, and what was measured in it."""

    store: Store
    encoding: Encoding
    mixtures: Mixtures
    postmaster: int | None
    works: dict[str, Work] = field(default_factory=dict)

    @contextmanager
    def watched(self, name: str) -> Iterator[Work]:
        """A kind of work, whose memory is watched meanwhile."""
        work = self.works.setdefault(name, Work(name))
        with PeakMemory(self.postmaster) as memory:
            yield work
        work.ours, work.server = max(work.ours, memory.ours), max(work.server, memory.server)

    def load(self, documents: range, rows: int) -> None:
        """Write the gradients of these documents; making them is not timed."""
        with self.watched("load") as work:
            seconds = sum(timed(partial(self._write, batch)) for batch in self.mixtures.batches(documents))
            seconds += timed(self._checkpoint)
            work.seconds[rows] = [seconds + sum(sum(times) for times in work.seconds.values())]

    def search(self, rows: int, query_set: str) -> None:
        """One exact query again and again, all queries in batch, and an index."""
        with self.store.database.session() as session:
            session.execute("VACUUM (ANALYZE)")
            (query_id,) = session.execute("SELECT min(query_id) FROM trackstar.query").fetchone() or (0,)
            ask = partial(session.execute, "SELECT count(*) FROM tda.nearest(%s, 10)", (query_id,))
            ask()
            with self.watched("one exact query (SQL)") as work:
                work.seconds[rows] = [timed(ask) for _ in range(REPEATS)]
        with self.watched(f"{QUERIES:,} queries in batch") as work:
            work.seconds[rows] = [timed(partial(self.store.attribute, NAME, query_set, NAME))]
        self.store.drop_run(NAME)
        with self.watched("index build") as work:
            work.seconds[rows] = [timed(partial(self.store.build_index, NAME))]
        if rows < LARGE:
            self.store.drop_index(NAME)

    def _checkpoint(self) -> None:
        with self.store.database.session() as session:
            session.execute("CHECKPOINT")

    def _write(self, batch: Sequence[EncodedDocument]) -> None:
        with self.store.database.connect() as connection:
            write_batch(connection, self.encoding, batch)


def million(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """Load, one exact query, a thousand queries and an index, at both sizes."""
    encoding = store.create_encoding(NewEncoding(NAME, str(corpus.model), CORPUS, optimizer_state=corpus.second_moment))
    _require_disk(encoding)
    store.encode_documents(NAME, CORPUS)
    mixtures = take_gradients(store, encoding.encoding_id)
    growing = Growing(store, encoding, mixtures, EmbeddedServer().status().pid)
    documents = insert_documents(store, LARGE)
    query_set = insert_queries(store, encoding.encoding_id, mixtures, QUERIES)
    done = 0
    for rows in (SMALL, LARGE):
        growing.load(documents[done:rows], rows)
        done = rows
        growing.search(rows, query_set)
    with store.database.connect() as connection:
        (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return [work.measurement(size) for work in growing.works.values()]


def _require_disk(encoding: Encoding) -> None:
    """Nothing; raises Missing where the disk of the temporary folder cannot hold it."""
    needed = LARGE * (gradient_rows(encoding) * (1 + INDEX_SHARE) + DOCUMENT_BYTES) + LOG_BYTES
    folder = Path(EmbeddedServer().status().data_directory)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Missing(
            f"a million rows need {shown_bytes(needed)} of disk for a while; {shown_bytes(free)} are free at {folder}. "
            f"Name a folder on a larger disk with TMPDIR."
        )


FULL = (million,)
