"""Documents → stored gradients: resumable by batch, shared between any number of processes.

The documents of a corpus are taken in the order they were loaded, CHUNK_DOCUMENTS at a time. A process holds
the lock of the chunk it works on; others go on to the next. A chunk's batches are planned over all its
documents, encoded or not, and each is written in one transaction: an interrupted encoding continues with the
batches that it would have made anyway, and ends with the same bytes.

The model waits for nobody: while it computes, one thread reads and tokenizes the next chunk's texts and another
writes the batches before. A chunk's lock is held until its last batch is written.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow
from tqdm import tqdm

from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder
from trackstar_db.database.background import BackgroundTransactions, result_of
from trackstar_db.database.engine import Database
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.batches import Document, EncodedDocument, encode_batch, read_documents, write_batch
from trackstar_db.encoding.encodings import Encoding, load_encoder
from trackstar_db.encoding.summary import EncodeSummary
from trackstar_db.errors import NotFound
from trackstar_db.estimates.encoding import estimate_documents
from trackstar_db.estimates.estimate import OnEstimate
from trackstar_db.progress import progress_bar

CHUNK_DOCUMENTS = 1024
"""Documents locked, tokenized and sorted by length together."""

UNWRITTEN_BATCHES = 2
"""Batches that may wait to be written while the next is computed."""


def encode_documents(
    database: Database,
    encoding_name: str,
    corpus: str,
    model: str | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    on_estimate: OnEstimate | None = None,
) -> EncodeSummary:
    """Every document of a corpus that the encoding lacks, encoded and stored.

    model: where the encoding's model lies on this machine, if not where it was
    token_budget: tokens of one padded batch; the results do not depend on it beyond rounding
    on_estimate: told what it will take before it begins; what that raises stops it
    Raises NotFound, ModelUnreadable, and EncodingMismatch when the model is not the encoding's.
    """
    started = time.monotonic()
    summary = EncodeSummary(encoding_name)
    with database.connect() as connection:
        corpus_number = corpus_id(connection, corpus)
        encoding, encoder = load_encoder(connection, encoding_name, model)
        parameters = {"corpus_id": corpus_number, "encoding_id": encoding.encoding_id}
        counts = connection.execute(query("encode_counts"), parameters).fetchone() or (0, 0)
        summary.total, summary.already_encoded = counts
        if on_estimate is not None:
            left = summary.total - summary.already_encoded
            on_estimate(estimate_documents(connection, encoding, encoder, corpus_number, left, token_budget))
    with ExitStack() as stack:
        session = stack.enter_context(database.session())
        bar = stack.enter_context(progress_bar(summary.total, "encode", "document"))
        reader = stack.enter_context(BackgroundTransactions(database, "read"))
        writer = stack.enter_context(BackgroundTransactions(database, "write"))
        bar.update(summary.already_encoded)
        chunks = _Chunks(session, corpus_number, encoding.encoding_id)
        _Worker(encoding, encoder, token_budget, chunks, reader, writer, summary, bar).encode_all()
    summary.seconds = time.monotonic() - started
    return summary


@dataclass(frozen=True)
class _Chunks:
    """A corpus cut into chunks. Each is known by the number that its documents come after.

    session: in autocommit; it holds the locks
    """

    session: Connection[TupleRow]
    corpus_id: int
    encoding_id: int

    def unfinished(self) -> Iterator[int]:
        """The chunks with work left."""
        after = 0
        while rows := self.documents(after):
            if not all(is_encoded for _, is_encoded in rows):
                yield after
            after = rows[-1][0]

    def documents(self, after: int) -> list[tuple[int, bool]]:
        """Up to CHUNK_DOCUMENTS (document_id, is_encoded), in the order they were loaded."""
        parameters = {
            "corpus_id": self.corpus_id,
            "encoding_id": self.encoding_id,
            "after": after,
            "size": CHUNK_DOCUMENTS,
        }
        return [(int(number), bool(done)) for number, done in self.session.execute(query("encode_chunk"), parameters)]

    def lock(self, after: int, wait: bool) -> bool:
        """Whether the chunk's lock is ours now; with `wait` it is, sooner or later."""
        statement = query("advisory_lock" if wait else "advisory_try_lock")
        return self.session.execute(statement, {"name": self._name(after)}).fetchone() != (False,)

    def unlock(self, after: int) -> None:
        """Nothing; another process may have the chunk."""
        self.session.execute(query("advisory_unlock"), {"name": self._name(after)})

    def _name(self, after: int) -> str:
        return f"encode documents {self.encoding_id} {self.corpus_id} {after}"


@dataclass
class _Worker:
    """One call of encode_documents: what it works with and what it has done.

    ahead: the documents that were asked for last, and their numbers
    unwritten: what is left to be done, in order, as batches are written
    """

    encoding: Encoding
    encoder: Encoder
    token_budget: int
    chunks: _Chunks
    reader: BackgroundTransactions
    writer: BackgroundTransactions
    summary: EncodeSummary
    bar: tqdm[Any]
    ahead: tuple[list[int], Future[list[Document]]] | None = None
    unwritten: deque[Callable[[], None]] = field(default_factory=deque)

    def encode_all(self) -> None:
        """Nothing; every document of the corpus has been encoded, here or by another process."""
        wait, is_done = False, False
        while not is_done:
            chunks = self.chunks.unfinished()
            after = next(chunks, None)
            is_done = after is None
            while after is not None:
                following = next(chunks, None)
                self._encode_locked(after, following, wait)
                after = following
            self._settle()
            wait = True  # other processes work on what is left: wait for them, take over what they leave

    def _encode_locked(self, after: int, following: int | None, wait: bool) -> None:
        """Nothing; the chunk is encoded, unless another process is at it and nobody waits."""
        if wait:
            self._settle()  # who waits for a lock holds none that another may wait for
        if not self.chunks.lock(after, wait):
            return
        rows = self.chunks.documents(after)  # again: it may have changed hands
        if not all(is_encoded for _, is_encoded in rows):
            self._encode_chunk(rows, following)
        self._later(partial(self.chunks.unlock, after))

    def _encode_chunk(self, rows: Sequence[tuple[int, bool]], following: int | None) -> None:
        """Nothing; every batch that has a document without an outcome is on its way into the database."""
        missing = {number for number, is_encoded in rows if not is_encoded}
        documents = result_of(self._read([number for number, _ in rows]))
        self.ahead = None  # the same documents are read again if they have changed
        if following is not None:
            self._read([number for number, _ in self.chunks.documents(following)])
        for batch in token_budget_batches([document.tokens_read for document in documents], self.token_budget):
            left = [documents[index] for index in batch if documents[index].document_id in missing]
            if left:
                encoded = encode_batch(self.encoder, left, self.token_budget)
                writing = self.writer.submit(partial(write_batch, encoding=self.encoding, encoded=encoded))
                self._later(partial(self._count, len(left), writing))

    def _read(self, document_ids: list[int]) -> Future[list[Document]]:
        """The documents, tokenized; not read again where they were asked for ahead."""
        if self.ahead is None or self.ahead[0] != document_ids:
            task = partial(read_documents, encoder=self.encoder, document_ids=document_ids)
            self.ahead = document_ids, self.reader.submit(task)
        return self.ahead[1]

    def _count(self, documents: int, writing: Future[list[EncodedDocument]]) -> None:
        """Nothing; a batch has been written and is counted. What went wrong with it is raised here."""
        try:
            written = result_of(writing)
        except ForeignKeyViolation as error:
            raise NotFound(
                f"encoding {self.encoding.name!r}, or a document, was dropped while it was encoded. Nothing is "
                f"half-written. Start again with what is there."
            ) from error
        except UniqueViolation:
            written = []  # documents loaded meanwhile moved the chunks, and another process was first: go round again
        self.bar.update(documents)
        for document, outcome, *_ in written:
            self.summary.add(document.external_id, outcome)
            self.summary.truncated += document.tokens.is_truncated

    def _later(self, act: Callable[[], None]) -> None:
        """Nothing; done once the batches before are written, of which UNWRITTEN_BATCHES may be left."""
        self.unwritten.append(act)
        self._settle(UNWRITTEN_BATCHES)

    def _settle(self, left: int = 0) -> None:
        """Nothing; at most so many batches are unwritten."""
        while len(self.unwritten) > left:
            self.unwritten.popleft()()
