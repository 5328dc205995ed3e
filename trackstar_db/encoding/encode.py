"""Documents and queries → stored gradients: resumable by batch, shared between any number of processes.

The documents of a corpus are taken in the order they were loaded, CHUNK_DOCUMENTS at a time. A process holds
the lock of the chunk it works on; others go on to the next. A chunk's batches are planned over all its
documents, encoded or not, and each is written in one transaction: an interrupted encoding continues with the
batches that it would have made anyway, and ends with the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pgvector import Vector
from psycopg import Connection
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import TupleRow
from torch import Tensor
from tqdm import tqdm

from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder, unit_norm
from trackstar_db.attribution.tokens import Piece, TokenizedDocument, query_piece, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import corpus_id, query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoder
from trackstar_db.encoding.gradient_writer import write_gradients
from trackstar_db.errors import InputError, NotFound
from trackstar_db.progress import progress_bar

CHUNK_DOCUMENTS = 1024
"""Documents locked, tokenized and sorted by length together."""

QUERY_GROUP = 256
"""Queries encoded and written together."""


@dataclass
class EncodeSummary:
    """What one call of encode_documents or encode_queries did.

    total: documents of the corpus, or queries of the set
    already_encoded: those of them that were encoded before
    outcomes: how many ended how: stored, zero, not finite, too short, not encodable
    failures: (external id, outcome or reason) of those that were not stored
    truncated: documents of which only the beginning was read
    """

    encoding: str
    total: int = 0
    already_encoded: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    truncated: int = 0
    seconds: float = 0.0

    @property
    def stored(self) -> int:
        """Gradients written by this call."""
        return self.outcomes.get("stored", 0)

    @property
    def notices(self) -> list[str]:
        """What a person should hear: who has no gradient, and why."""
        return [f"{name!r} has no gradient: {reason}" for name, reason in self.failures]

    def add(self, name: str, outcome: str, reason: str | None = None) -> None:
        """Count one document or query."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if outcome != "stored":
            self.failures.append((name, reason or outcome))


@dataclass(frozen=True)
class Document:
    """A document on its way from text to gradient."""

    document_id: int
    external_id: str
    content_digest: bytes
    tokens: TokenizedDocument

    @property
    def tokens_read(self) -> int:
        return sum(len(piece.token_ids) for piece in self.tokens.pieces)


EncodedDocument: TypeAlias = tuple[Document, str, "NDArray[np.float16]", float]
"""A document, what became of it, its gradient [d] in unit norm, and the norm it had."""


@dataclass(frozen=True)
class _Worker:
    """One call of encode_documents: what it works with and what it has done."""

    database: Database
    encoding: Encoding
    encoder: Encoder
    token_budget: int
    summary: EncodeSummary
    bar: tqdm[Any]

    def encode_chunk(self, document_ids: Sequence[int], is_encoded: Sequence[bool]) -> None:
        """Store every batch of a chunk that has a document without an outcome."""
        missing = {number for number, done in zip(document_ids, is_encoded, strict=True) if not done}
        documents = self._tokenized(document_ids)
        for batch in token_budget_batches([document.tokens_read for document in documents], self.token_budget):
            left = [documents[index] for index in batch if documents[index].document_id in missing]
            if left:
                self._encode_batch(left)
                self.bar.update(len(left))

    def _tokenized(self, document_ids: Sequence[int]) -> list[Document]:
        settings = self.encoder.settings
        with self.database.connect() as connection:
            rows = connection.execute(query("encode_texts"), {"document_ids": list(document_ids)}).fetchall()
        texts = [text for _, _, text, _ in rows]
        tokens = tokenize_documents(self.encoder.loaded.tokenizer, texts, settings.max_tokens, settings.long_documents)
        return [Document(row[0], row[1], row[3], document) for row, document in zip(rows, tokens, strict=True)]

    def _encode_batch(self, documents: list[Document]) -> None:
        tokens = [document.tokens for document in documents]
        gradients, norms, outcomes = document_encodings(self.encoder, tokens, self.token_budget)
        encoded = list(zip(documents, outcomes, gradients, norms.tolist(), strict=True))
        try:
            with self.database.connect() as connection:
                written = write_batch(connection, self.encoding.encoding_id, encoded)
        except ForeignKeyViolation as error:
            raise NotFound(
                f"encoding {self.encoding.name!r}, or a document, was dropped while it was encoded. Nothing is "
                f"half-written. Start again with what is there."
            ) from error
        except UniqueViolation:
            return  # documents loaded meanwhile moved the chunks, and another process was first: go round again
        for document, outcome, _, _ in written:
            self.summary.add(document.external_id, outcome)
            self.summary.truncated += document.tokens.is_truncated


def encode_documents(
    database: Database,
    encoding_name: str,
    corpus: str,
    model: str | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> EncodeSummary:
    """Every document of a corpus that the encoding lacks, encoded and stored.

    model: where the encoding's model lies on this machine, if not where it was
    token_budget: tokens of one padded batch; the results do not depend on it beyond rounding
    Raises NotFound, ModelUnreadable, and EncodingMismatch when the model is not the encoding's.
    """
    started = time.monotonic()
    summary = EncodeSummary(encoding_name)
    with database.connect() as connection:
        corpus_number = corpus_id(connection, corpus)
        encoding, encoder = load_encoder(connection, encoding_name, model)
        parameters = {"corpus_id": corpus_number, "encoding_id": encoding.encoding_id}
        summary.total, summary.already_encoded = connection.execute(query("encode_counts"), parameters).fetchone() or (
            0,
            0,
        )
    with database.session() as session, progress_bar(summary.total, "encode", "document") as bar:
        bar.update(summary.already_encoded)
        worker = _Worker(database, encoding, encoder, token_budget, summary, bar)
        wait = False
        while unfinished := list(_unfinished_chunks(session, encoding, corpus_number)):
            for after in unfinished:
                _encode_locked_chunk(session, worker, corpus_number, after, wait)
            wait = True  # other processes work on what is left: wait for them, take over what they leave
    summary.seconds = time.monotonic() - started
    return summary


def encode_queries(
    database: Database,
    encoding_name: str,
    query_set: str,
    model: str | None = None,
) -> EncodeSummary:
    """Every query of a set that the encoding lacks, encoded and stored; loss on the target's tokens only.

    Arguments and errors as `encode_documents`.
    """
    started = time.monotonic()
    summary = EncodeSummary(encoding_name)
    with database.connect() as connection:
        set_id = query_set_id(connection, query_set)
        encoding, encoder = load_encoder(connection, encoding_name, model)
    with database.session() as session, locked(session, f"encode queries {encoding.encoding_id} {set_id}"):
        parameters = {"encoding_id": encoding.encoding_id, "query_set_id": set_id}
        (summary.total,) = session.execute(query("query_count"), {"query_set_id": set_id}).fetchone() or (0,)
        left = session.execute(query("encode_queries_left"), parameters).fetchall()
        summary.already_encoded = summary.total - len(left)
        with progress_bar(len(left), "encode", "query") as bar:
            for start in range(0, len(left), QUERY_GROUP):
                group = left[start : start + QUERY_GROUP]
                _encode_query_group(database, encoding, encoder, group, summary)
                bar.update(len(group))
    summary.seconds = time.monotonic() - started
    return summary


def document_encodings(
    encoder: Encoder, documents: Sequence[TokenizedDocument], token_budget: int = DEFAULT_TOKEN_BUDGET
) -> tuple[NDArray[np.float16], NDArray[np.float64], list[str]]:
    """Base encodings in unit norm and half precision, the norms they had, and what became of each document.

    Under the margin a norm is weighted by the mean of 1 - p over the document's tokens (Park et al. 2023).

    returns [document, d], [document], and for each "stored", "zero", "not finite" or "too short"
    """
    gradients, doubts = encoder.gradients_and_doubts(documents, token_budget)
    encodings, norms = unit_norm(encoder.encode(gradients))
    if encoder.settings.loss == "margin":
        norms = norms * doubts
    is_finite = (encodings.isfinite().all(dim=1) & norms.isfinite()).tolist()
    is_zero = (norms == 0).tolist()
    outcomes = [
        "too short" if not document.pieces else "not finite" if not finite else "zero" if zero else "stored"
        for document, finite, zero in zip(documents, is_finite, is_zero, strict=True)
    ]
    return encodings.half().cpu().numpy(), norms.double().cpu().numpy(), outcomes


def query_encodings(encoder: Encoder, pieces: Sequence[Piece], token_budget: int = DEFAULT_TOKEN_BUDGET) -> Tensor:
    """Base encodings of queries, not of unit norm: [query, d] float32 on the CPU."""
    return encoder.encode(encoder.query_gradients(pieces, token_budget)).float().cpu()


def _unfinished_chunks(session: Connection[TupleRow], encoding: Encoding, corpus_number: int) -> Iterator[int]:
    """For each chunk with work left, the number that its documents come after."""
    after = 0
    while rows := _chunk(session, encoding, corpus_number, after):
        if not all(is_encoded for _, is_encoded in rows):
            yield after
        after = rows[-1][0]


def _chunk(session: Connection[TupleRow], encoding: Encoding, corpus_number: int, after: int) -> list[tuple[int, bool]]:
    """Up to CHUNK_DOCUMENTS (document_id, is_encoded) after a document, in the order they were loaded."""
    parameters = {
        "corpus_id": corpus_number,
        "encoding_id": encoding.encoding_id,
        "after": after,
        "size": CHUNK_DOCUMENTS,
    }
    return [(int(number), bool(done)) for number, done in session.execute(query("encode_chunk"), parameters)]


def _encode_locked_chunk(
    session: Connection[TupleRow], worker: _Worker, corpus_number: int, after: int, wait: bool
) -> None:
    """Nothing; the chunk is encoded, unless another process is at it and nobody waits."""
    name = f"encode documents {worker.encoding.encoding_id} {corpus_number} {after}"
    lock = query("advisory_lock" if wait else "advisory_try_lock")
    if session.execute(lock, {"name": name}).fetchone() == (False,):
        return
    try:
        rows = _chunk(session, worker.encoding, corpus_number, after)  # again: it may have changed hands
        if not all(is_encoded for _, is_encoded in rows):
            worker.encode_chunk([number for number, _ in rows], [done for _, done in rows])
    finally:
        session.execute(query("advisory_unlock"), {"name": name})


def write_batch(
    connection: Connection[TupleRow], encoding_id: int, encoded: Sequence[EncodedDocument]
) -> list[EncodedDocument]:
    """What was written: outcome, gradient and token count of each document whose text is still the one encoded."""
    parameters = {
        "document_ids": [document.document_id for document, *_ in encoded],
        "content_digests": [document.content_digest for document, *_ in encoded],
    }
    unchanged = {number for (number,) in connection.execute(query("encode_unchanged"), parameters)}
    written = [row for row in encoded if row[0].document_id in unchanged]
    with connection.cursor().copy(query("encode_copy_outcomes")) as copy:
        copy.set_types(["int8", "int8", "text", "int4", "bool", "float8"])
        for document, outcome, _, norm in written:
            tokens = document.tokens
            row = (outcome, tokens.token_count, tokens.is_truncated, norm if outcome == "stored" else None)
            copy.write_row((encoding_id, document.document_id, *row))
    stored = ((document.document_id, gradient) for document, outcome, gradient, _ in written if outcome == "stored")
    write_gradients(connection, encoding_id, stored)
    connection.execute(
        query("encode_token_counts"),
        {
            "document_ids": [document.document_id for document, *_ in written],
            "token_counts": [document.tokens.token_count for document, *_ in written],
        },
    )
    return written


def _encode_query_group(
    database: Database, encoding: Encoding, encoder: Encoder, rows: Sequence[TupleRow], summary: EncodeSummary
) -> None:
    """Nothing; one transaction with the gradients of a group of queries."""
    kept, pieces = [], []
    for query_id, external_id, prompt, target, content_digest in rows:
        try:
            pieces.append(query_piece(encoder.loaded.tokenizer, prompt, target, encoder.settings.max_tokens))
            kept.append((query_id, external_id, content_digest))
        except InputError as error:
            summary.add(external_id, "not encodable", str(error))
    if not pieces:
        return
    encodings = query_encodings(encoder, pieces)
    with database.connect() as connection:
        for (query_id, external_id, content_digest), vector in zip(kept, encodings, strict=True):
            outcome = "not finite" if not vector.isfinite().all() else "stored" if vector.any() else "zero"
            if outcome == "stored":
                parameters = {"encoding_id": encoding.encoding_id, "query_id": query_id}
                gradient = {"content_digest": content_digest, "gradient": Vector(vector.numpy())}
                if not connection.execute(query("encode_query_insert"), {**parameters, **gradient}).rowcount:
                    outcome = "changed while it was encoded"
            summary.add(external_id, outcome)
