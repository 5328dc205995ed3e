"""Stored gradients out of the database, block by block, by binary COPY."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, gradient_partition_name

BLOCK_ROWS = 4096
"""Gradients read at a time; 64 MB of float32 at the default dimension."""

_HEADER, _TRAILER = 19, 2  # bytes around the rows of a binary COPY


@dataclass(frozen=True)
class GradientBlock:
    """Stored gradients, in the order of the documents.

    document_ids: [row]; gradients: [row, d], unit norm, half precision
    norms: [row], what they had before unit norm; task_norms: [row], |M^(1/2) b|. NaN where nothing is stored.
    """

    document_ids: NDArray[np.int64]
    gradients: NDArray[np.float16]
    norms: NDArray[np.float64]
    task_norms: NDArray[np.float64]

    def among(self, document_ids: NDArray[np.int64]) -> GradientBlock:
        """The rows of these documents only."""
        kept = np.isin(self.document_ids, document_ids, assume_unique=True)
        return GradientBlock(self.document_ids[kept], self.gradients[kept], self.norms[kept], self.task_norms[kept])


@dataclass(frozen=True)
class GradientReader:
    """Reads the gradients of one encoding.

    corpus_id: of one corpus only; None reads all
    task_id: whose norms are read along
    """

    connection: Connection[TupleRow]
    encoding: Encoding
    corpus_id: int | None = None
    task_id: int | None = None

    def blocks(self) -> Iterator[GradientBlock]:
        """Every gradient, at most BLOCK_ROWS at a time."""
        block = self.read(after=0)
        while len(block.document_ids):
            yield block
            block = self.read(after=int(block.document_ids[-1]))

    def read(self, after: int) -> GradientBlock:
        """The next gradients, of documents above `after`: at most BLOCK_ROWS."""
        numbers = {
            "after": after,
            "corpus_id": self.corpus_id,
            "task_id": self.task_id,
            "encoding_id": self.encoding.encoding_id,
            "size": BLOCK_ROWS,
        }
        statement = query("gradient_block").format(
            partition=gradient_partition_name(self.encoding.encoding_id),
            **{name: sql.SQL("{}::bigint").format(sql.Literal(number)) for name, number in numbers.items()},
        )
        with self.connection.cursor().copy(statement) as copy:
            data = b"".join(bytes(part) for part in copy)
        rows = np.frombuffer(data[_HEADER:-_TRAILER], self._row)
        return GradientBlock(
            rows["id"].astype(np.int64),
            rows["gradient"].astype(np.float16),
            rows["norm"].astype(np.float64),
            rows["task_norm"].astype(np.float64),
        )

    @property
    def _row(self) -> np.dtype[np.void]:
        """A binary COPY of rows of one size is an array: field count, then each field behind its length."""
        return np.dtype(
            [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), ("norm_bytes", ">i4"), ("norm", ">f8"),
             ("task_norm_bytes", ">i4"), ("task_norm", ">f8"), ("bytes", ">i4"), ("dimension", ">u2"),
             ("unused", ">u2"), ("gradient", ">f2", (self.encoding.dimension,))]
        )  # fmt: skip
