"""Gradients of a span of documents, by binary COPY: as bytes where the server can give them so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from trackstar_db.database.binary_copy import copied_rows
from trackstar_db.database.queries import query
from trackstar_db.encoding.codes import decode
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_codes import read_row

_ONE_AS_BYTES = bytes([1, 0, 0, 0, 0, 0x3C])  # '[1]': dimension, unused, 1.0 in half precision, all little-endian


def gives_bytes(connection: Connection[TupleRow]) -> bool:
    """Whether a halfvec can be cast to its bytes (`trackstar init` makes the cast where it may), little-endian.

    The server then sends its memory as it is, 3 times as fast as it converts each number.
    """
    if connection.execute(query("halfvec_cast_exists")).fetchone() != (True,):
        return False
    return connection.execute(query("halfvec_cast_try")).fetchone() == (_ONE_AS_BYTES,)


@dataclass(frozen=True)
class GradientCopy:
    """How the gradients of one encoding come out of the database.

    is_bytes: by the cast to bytes, which `gives_bytes` must have found
    """

    encoding: Encoding
    is_bytes: bool

    def read(
        self, connection: Connection[TupleRow], after: int, through: int, document_ids: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Document ids [row], ascending, and their gradients [row, d], of the documents above `after` to `through`.

        document_ids: read these alone, ascending; None reads all
        """
        if document_ids is not None and not len(document_ids):
            return document_ids, np.empty((0, self.encoding.dimension), np.float16)
        rows = np.frombuffer(self._bytes(connection, after, through, document_ids), self._row)
        parts = self.encoding.rows if self.encoding.storage == "gradient_block" else 1
        if (rows["id"][1:] < rows["id"][:-1]).any() or parts > 1:  # an index gives them in order
            rows = rows[np.lexsort((rows["block"], rows["id"]) if parts > 1 else (rows["id"],))]
        ids = rows["id"][::parts].astype(np.int64)
        if self.encoding.storage == "gradient_code":
            scales = rows["scale"].astype(np.float32)
            return ids, decode(rows["code"], scales, self.encoding.dimension, self.encoding.bits)
        gradients = rows["gradient"].astype(np.float16, copy=False)
        return ids, gradients if parts == 1 else gradients.reshape(len(ids), self.encoding.dimension)

    def _bytes(
        self, connection: Connection[TupleRow], after: int, through: int, document_ids: NDArray[np.int64] | None
    ) -> memoryview:
        """The rows as they come, one after the other."""
        encoding = self.encoding
        statement = query(f"read_{encoding.storage}").format(
            partition=encoding.partition,
            gradient=sql.SQL("gradient::bytea" if self.is_bytes else "gradient"),
            after=sql.Literal(after),
            through=sql.Literal(through),
            document_ids=sql.Literal(None if document_ids is None else document_ids.tolist()),
        )
        with connection.cursor().copy(statement) as copy:
            return copied_rows(copy)

    @property
    def _row(self) -> np.dtype[np.void]:
        """A binary COPY of rows of one size is an array: field count, then each field behind its length."""
        if self.encoding.storage == "gradient_code":
            return read_row(self.encoding)
        order = "<" if self.is_bytes else ">"
        block = [("block_bytes", ">i4"), ("block", ">i2")] if self.encoding.storage == "gradient_block" else []
        return np.dtype(
            [("fields", ">i2"), ("id_bytes", ">i4"), ("id", ">i8"), *block, ("bytes", ">i4"), ("dimension", "u2"),
             ("unused", "u2"), ("gradient", f"{order}f2", (self.encoding.row_width,))]
        )  # fmt: skip
