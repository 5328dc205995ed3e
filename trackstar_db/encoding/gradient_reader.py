"""Stored gradients out of the database, a span of documents at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_copy import GradientCopy, gives_bytes

BLOCK_ROWS = 4096
"""Gradients read at a time at most; 64 MB of float32 at the default dimension."""

BLOCK_BYTES = 32 * 2**20
"""What the gradients read at a time take in half precision at most; long ones are read in fewer rows."""


@dataclass(frozen=True)
class DocumentFilter:
    """Which documents are meant; each condition counts where it is given.

    corpus_id: documents of one corpus; relation_ids: annotated with a fact of one of these relations
    metadata: a JSON object that the document's metadata contain
    """

    corpus_id: int | None = None
    relation_ids: tuple[int, ...] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the named queries that filter documents."""
        conditions = {
            "corpus_id": self.corpus_id,
            "relation_ids": None if self.relation_ids is None else list(self.relation_ids),
            "metadata": None if self.metadata is None else Jsonb(self.metadata),
        }
        return {**conditions, "is_filtered": any(value is not None for value in conditions.values())}


EVERY_DOCUMENT = DocumentFilter()


@dataclass(frozen=True)
class Span:
    """A stretch of documents in the order of their numbers, few enough for one block.

    after, through: the documents above the first number, up to the second
    gradients: how many of them there are
    state: changes when one of them is encoded again, added or taken away
    """

    after: int
    through: int
    gradients: int
    state: str


@dataclass(frozen=True)
class GradientBlock:
    """Stored gradients, in the order of the documents.

    document_ids: [row]; gradients: [row, d], unit norm, half precision
    norms: [row], what they had before unit norm; task_norms: [row], |M^(1/2) b|. NaN where nothing is stored, or
        nothing was asked for.
    """

    document_ids: NDArray[np.int64]
    gradients: NDArray[np.float16]
    norms: NDArray[np.float64]
    task_norms: NDArray[np.float64]

    def among(self, document_ids: NDArray[np.int64]) -> GradientBlock:
        """The rows of these documents only."""
        if np.array_equal(self.document_ids, document_ids):
            return self
        kept = np.isin(self.document_ids, document_ids, assume_unique=True)
        return self.rows(kept)

    def rows(self, kept: slice | NDArray[np.bool_]) -> GradientBlock:
        """Some of the rows."""
        return GradientBlock(self.document_ids[kept], self.gradients[kept], self.norms[kept], self.task_norms[kept])


@dataclass(frozen=True)
class GradientReader:
    """Reads the gradients of one encoding: stored whole, by layer block or in codes, they come out whole.

    documents: whose gradients are read
    task_id: whose norms are read along
    with_norms: whether the norms before unit norm are read along
    """

    connection: Connection[TupleRow]
    encoding: Encoding
    documents: DocumentFilter = EVERY_DOCUMENT
    task_id: int | None = None
    with_norms: bool = True

    def blocks(self) -> Iterator[GradientBlock]:
        """Every gradient, a block for each span."""
        for span in find_spans(self.connection, [self.encoding], self.documents):
            yield self.read(span)

    def read(self, span: Span, connection: Connection[TupleRow] | None = None) -> GradientBlock:
        """The gradients of a span.

        connection: another one to read by, that sees the same state of the database
        """
        return self._read(connection or self.connection, span, None)

    def read_documents(self, document_ids: NDArray[np.int64]) -> GradientBlock:
        """The gradients of these documents, ascending, as many of them as are meant and stored."""
        span = Span(int(document_ids[0]) - 1, int(document_ids[-1]), len(document_ids), "")
        return self._read(self.connection, span, document_ids)

    @cached_property
    def copy(self) -> GradientCopy:
        """How the gradients come out of this database."""
        return GradientCopy(self.encoding, gives_bytes(self.connection))

    def _read(
        self, connection: Connection[TupleRow], span: Span, document_ids: NDArray[np.int64] | None
    ) -> GradientBlock:
        """The gradients of a span, or of these documents of it alone, as many of them as are meant."""
        if not (self.with_norms or self.task_id or self.documents != EVERY_DOCUMENT):
            found, gradients = self.copy.read(connection, span.after, span.through, document_ids)
            unknown = np.full(len(found), np.nan)
            return GradientBlock(found, gradients, unknown, unknown)
        meant, norms, task_norms = self._norms(connection, span)
        only = None if self.documents == EVERY_DOCUMENT else meant
        if document_ids is not None:
            only = np.intersect1d(document_ids, meant, assume_unique=True)
        found, gradients = self.copy.read(connection, span.after, span.through, only)
        at = np.searchsorted(meant, found)
        return GradientBlock(found, gradients, norms[at], task_norms[at])

    def _norms(
        self, connection: Connection[TupleRow], span: Span
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The documents of a span that are meant, their norms and their task's norms, [row] each."""
        parameters = {
            **self.documents.parameters,
            "encoding_id": self.encoding.encoding_id,
            "task_id": self.task_id,
            "after": span.after,
            "through": span.through,
        }
        rows = connection.execute(query("gradient_norms"), parameters, binary=True).fetchall()
        numbers = np.array(rows, dtype=np.float64).reshape(-1, 3)
        return np.array([number for number, _, _ in rows], dtype=np.int64), numbers[:, 1], numbers[:, 2]


def find_spans(
    connection: Connection[TupleRow], encodings: Sequence[Encoding], documents: DocumentFilter = EVERY_DOCUMENT
) -> list[Span]:
    """The documents that have a gradient under any of the encodings, cut into spans, in order."""
    longest = max(encoding.dimension for encoding in encodings)
    parameters = {
        **documents.parameters,
        "encoding_ids": [encoding.encoding_id for encoding in encodings],
        "size": max(1, min(BLOCK_ROWS, BLOCK_BYTES // (2 * longest))),
    }
    rows = connection.execute(query("gradient_spans"), parameters).fetchall()
    ends = [0, *(through for through, _, _ in rows)]
    return [Span(*limits, count, state) for limits, (_, count, state) in zip(pairwise(ends), rows, strict=True)]
